/* Rows of a catalogue become distinct stars in an order of their own, so that the order of rows and
 * repeated rows cannot matter to anything behind it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum {
    NEAR = 24,        /* neighbours kept per star: enough for every quadrilateral and screening */
    MANY_CORNERS = 64 /* a hull of so many corners nearly fills its field */
};

typedef struct {
    point at;
    int64_t row;
} entry;

static int by_position(const void *left, const void *right)
{
    const entry *l = left, *r = right;
    if (l->at.x != r->at.x) {
        return l->at.x < r->at.x ? -1 : 1;
    }
    if (l->at.y != r->at.y) {
        return l->at.y < r->at.y ? -1 : 1;
    }
    return l->row < r->row ? -1 : l->row > r->row;
}

/* Convex hull of sorted points, counterclockwise (Andrew's monotone chain); returns its corners. */
static int32_t hull(const point *p, int32_t n, int32_t *chain)
{
    int32_t size = 0;
    for (int pass = 0; pass < 2; pass++) {
        int32_t start = size;
        for (int32_t step = 0; step < n; step++) {
            int32_t i = pass == 0 ? step : n - 1 - step;
            while (size - start >= 2 && area2(p[chain[size - 2]], p[chain[size - 1]], p[i]) <= 0) {
                size--;
            }
            chain[size++] = i;
        }
        size--; /* the last point of one chain begins the other */
    }
    return size;
}

static double hull_area(const point *p, const int32_t *chain, int32_t corners)
{
    double total = 0;
    for (int32_t i = 1; i + 1 < corners; i++) {
        total += area2(p[chain[0]], p[chain[i]], p[chain[i + 1]]);
    }
    return total / 2;
}

/* Area of the smallest rectangle in any direction: one of its sides lies on a side of the hull. */
static double smallest_rectangle(const point *p, const int32_t *chain, int32_t corners)
{
    double smallest = INFINITY;
    for (int32_t i = 0; i < corners; i++) {
        point from = p[chain[i]], to = p[chain[(i + 1) % corners]];
        double ux = to.x - from.x, uy = to.y - from.y;
        double least = INFINITY, most = -INFINITY, depth = 0;
        for (int32_t j = 0; j < corners; j++) {
            point q = p[chain[j]];
            double along = (q.x - from.x) * ux + (q.y - from.y) * uy;
            least = fmin(least, along);
            most = fmax(most, along);
            depth = fmax(depth, area2(from, to, q));
        }
        smallest = fmin(smallest, (most - least) * depth / (ux * ux + uy * uy));
    }
    return smallest;
}

/* Area of the field that the stars are a uniform sample of. The hull is too small by the chance that
 * one more star would become a corner of it (Efron 1965); the rectangle keeps that estimate from
 * running away when nearly all of few stars are corners. */
static double field_area(const point *p, const int32_t *chain, int32_t corners, int32_t n)
{
    double area = hull_area(p, chain, corners);
    double larger = area / (1 - corners / (n + 1.0));
    return corners > MANY_CORNERS ? larger
                                  : fmax(area, fmin(larger, smallest_rectangle(p, chain, corners)));
}

static bool list_neighbours(catalogue *cat)
{
    int32_t ids[NEAR + 1];
    double d2s[NEAR + 1];
    cat->n_near = cat->n - 1 < NEAR ? cat->n - 1 : NEAR;
    if (cat->n_near <= 0) {
        cat->n_near = 0;
        return true;
    }
    cat->near_ids = malloc((size_t)cat->n * (size_t)cat->n_near * sizeof *cat->near_ids);
    if (!cat->near_ids) {
        return false;
    }
    for (int32_t i = 0; i < cat->n; i++) {
        int32_t *out = cat->near_ids + (size_t)i * (size_t)cat->n_near;
        int32_t found = kdtree_knn(&cat->tree, cat->star[i], cat->n_near + 1, ids, d2s);
        int32_t kept = 0;
        for (int32_t j = 0; j < found && kept < cat->n_near; j++) {
            if (ids[j] != i) {
                out[kept++] = ids[j];
            }
        }
    }
    return true;
}

static void keep_distinct(catalogue *cat, entry *entries, int64_t n)
{
    cat->n = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i > 0 && entries[i].at.x == entries[i - 1].at.x &&
            entries[i].at.y == entries[i - 1].at.y) {
            continue;
        }
        cat->star[cat->n] = entries[i].at;
        cat->row[cat->n] = entries[i].row;
        cat->n++;
    }
}

/* Positions relative to the middle of the box: products of coordinates lose no digits to an offset. */
static void centre(catalogue *cat)
{
    cat->low = cat->high = cat->star[0];
    for (int32_t i = 1; i < cat->n; i++) {
        cat->low.y = fmin(cat->low.y, cat->star[i].y);
        cat->high.y = fmax(cat->high.y, cat->star[i].y);
    }
    cat->high.x = cat->star[cat->n - 1].x;
    cat->origin = (point){cat->low.x + (cat->high.x - cat->low.x) / 2,
                          cat->low.y + (cat->high.y - cat->low.y) / 2};
    for (int32_t i = 0; i < cat->n; i++) {
        cat->star[i].x -= cat->origin.x;
        cat->star[i].y -= cat->origin.y;
    }
    cat->low = (point){cat->low.x - cat->origin.x, cat->low.y - cat->origin.y};
    cat->high = (point){cat->high.x - cat->origin.x, cat->high.y - cat->origin.y};
}

/* Positions to whole pixels, halves, tenths and so on: all coordinates are multiples of one step. */
static double grid_step(const double *xy, int64_t n)
{
    static const double PARTS[] = {1, 2, 4, 5, 8, 10, 16, 20, 25, 50, 100, 1000};
    for (size_t k = 0; k < sizeof PARTS / sizeof *PARTS; k++) {
        int64_t i = 0;
        while (i < 2 * n && fabs(xy[i] * PARTS[k] - nearbyint(xy[i] * PARTS[k])) < 1e-6) {
            i++;
        }
        if (i == 2 * n) {
            return 1 / PARTS[k];
        }
    }
    return 0;
}

/* A rounding error is uniform within a step: variance step^2 / 12 in each axis (Sheppard 1898). */
double grid_variance(const affine *m, const catalogue *ref, const catalogue *tgt)
{
    double scale2 = (m->a * m->a + m->b * m->b + m->d * m->d + m->e * m->e) / 2;
    return (tgt->step * tgt->step + scale2 * ref->step * ref->step) / 12;
}

static kdmatch_status fill(catalogue *cat, const double *xy, int64_t n, entry *entries)
{
    for (int64_t i = 0; i < n; i++) {
        double x = xy[2 * i], y = xy[2 * i + 1];
        if (!(fabs(x) <= KDMATCH_MAX_COORDINATE) || !(fabs(y) <= KDMATCH_MAX_COORDINATE)) {
            return KDMATCH_BAD_ARGUMENT; /* NaN fails the comparison too */
        }
        entries[i].at = (point){x + 0.0, y + 0.0}; /* -0 becomes +0 */
        entries[i].row = i;
    }
    cat->step = grid_step(xy, n);
    qsort(entries, (size_t)n, sizeof *entries, by_position);
    keep_distinct(cat, entries, n);
    centre(cat);
    /* The entries are not needed any more: their memory serves as the hull's chain. */
    int32_t *chain = (int32_t *)(void *)entries;
    int32_t corners = hull(cat->star, cat->n, chain);
    double width = cat->high.x - cat->low.x, height = cat->high.y - cat->low.y;
    /* On a line but for rounding: area 0 */
    if (corners >= 3 &&
        hull_area(cat->star, chain, corners) > 1e-9 * (width * width + height * height)) {
        cat->area = field_area(cat->star, chain, corners, cat->n);
    }
    if (!kdtree_build(&cat->tree, cat->star, cat->n) || !list_neighbours(cat)) {
        return KDMATCH_NO_MEMORY;
    }
    return KDMATCH_OK;
}

kdmatch_status catalogue_open(catalogue *cat, const double *xy, int64_t n)
{
    memset(cat, 0, sizeof *cat);
    if (n == 0) {
        return KDMATCH_OK;
    }
    if (!xy || n < 0 || n > KDMATCH_MAX_STARS) {
        return KDMATCH_BAD_ARGUMENT;
    }
    entry *entries = malloc(((size_t)n + 1) * sizeof *entries);
    cat->star = malloc((size_t)n * sizeof *cat->star);
    cat->row = malloc((size_t)n * sizeof *cat->row);
    kdmatch_status status =
        entries && cat->star && cat->row ? fill(cat, xy, n, entries) : KDMATCH_NO_MEMORY;
    free(entries);
    if (status != KDMATCH_OK) {
        catalogue_close(cat);
    }
    return status;
}

void catalogue_close(catalogue *cat)
{
    kdtree_free(&cat->tree);
    free(cat->near_ids);
    free(cat->star);
    free(cat->row);
    memset(cat, 0, sizeof *cat);
}
