/* A balanced k-d tree over points of the plane, kept in three flat arrays. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { LEAF = 8 }; /* short runs are scanned faster than split */

static inline double coordinate(point p, int axis)
{
    return axis == 0 ? p.x : p.y;
}

static void swap(kdtree *t, int32_t i, int32_t j)
{
    point p = t->at[i];
    int32_t k = t->id[i];
    t->at[i] = t->at[j];
    t->id[i] = t->id[j];
    t->at[j] = p;
    t->id[j] = k;
}

/* Put the element of rank `k` of [lo, hi] in its place (Hoare's selection). The pivot is drawn by a
 * linear congruence: no input order is bad on purpose, and equal inputs give equal trees. */
static void select_rank(kdtree *t, int32_t lo, int32_t hi, int32_t k, int axis)
{
    uint32_t state = 12345u;
    while (lo < hi) {
        state = state * 1664525u + 1013904223u;
        int32_t pick = lo + (int32_t)((state >> 8) % (uint32_t)(hi - lo + 1));
        double pivot = coordinate(t->at[pick], axis);
        int32_t i = lo, j = hi;
        while (i <= j) {
            while (coordinate(t->at[i], axis) < pivot) {
                i++;
            }
            while (coordinate(t->at[j], axis) > pivot) {
                j--;
            }
            if (i <= j) {
                swap(t, i++, j--);
            }
        }
        if (k <= j) {
            hi = j;
        } else if (k >= i) {
            lo = i;
        } else {
            return;
        }
    }
}

static int widest_axis(const kdtree *t, int32_t lo, int32_t hi)
{
    point low = t->at[lo], high = t->at[lo];
    for (int32_t i = lo + 1; i < hi; i++) {
        point p = t->at[i];
        low.x = p.x < low.x ? p.x : low.x;
        low.y = p.y < low.y ? p.y : low.y;
        high.x = p.x > high.x ? p.x : high.x;
        high.y = p.y > high.y ? p.y : high.y;
    }
    return high.y - low.y > high.x - low.x;
}

/* Depth is log2(n), so recursion is bounded. */
static void split(kdtree *t, int32_t lo, int32_t hi)
{
    while (hi - lo > LEAF) {
        int32_t middle = lo + (hi - lo) / 2;
        int axis = widest_axis(t, lo, hi);
        select_rank(t, lo, hi - 1, middle, axis);
        t->axis[middle] = (uint8_t)axis;
        split(t, lo, middle);
        lo = middle + 1;
    }
}

bool kdtree_build(kdtree *tree, const point *points, int32_t n)
{
    size_t capacity = n > 0 ? (size_t)n : 1;
    tree->n = n;
    tree->at = malloc(capacity * sizeof *tree->at);
    tree->id = malloc(capacity * sizeof *tree->id);
    tree->axis = calloc(capacity, sizeof *tree->axis);
    if (!tree->at || !tree->id || !tree->axis) {
        kdtree_free(tree);
        return false;
    }
    for (int32_t i = 0; i < n; i++) {
        tree->at[i] = points[i];
        tree->id[i] = i;
    }
    split(tree, 0, n);
    return true;
}

void kdtree_free(kdtree *tree)
{
    free(tree->at);
    free(tree->id);
    free(tree->axis);
    memset(tree, 0, sizeof *tree);
}

typedef struct {
    point query;
    double d2;
    int32_t id;
} nearest_search;

static inline void nearest_try(nearest_search *s, const kdtree *t, int32_t i)
{
    double d2 = distance2(t->at[i], s->query);
    if (d2 < s->d2 || (d2 <= s->d2 && (s->id < 0 || t->id[i] < s->id))) {
        s->d2 = d2;
        s->id = t->id[i];
    }
}

static void nearest_in(nearest_search *s, const kdtree *t, int32_t lo, int32_t hi)
{
    while (hi - lo > LEAF) {
        int32_t middle = lo + (hi - lo) / 2;
        int axis = t->axis[middle];
        double offset = coordinate(s->query, axis) - coordinate(t->at[middle], axis);
        nearest_try(s, t, middle);
        if (offset <= 0) {
            nearest_in(s, t, lo, middle);
            lo = middle + 1;
        } else {
            nearest_in(s, t, middle + 1, hi);
            hi = middle;
        }
        if (offset * offset > s->d2) {
            return;
        }
    }
    for (int32_t i = lo; i < hi; i++) {
        nearest_try(s, t, i);
    }
}

int32_t kdtree_nearest(const kdtree *tree, point query, double *d2)
{
    nearest_search s = {query, *d2, -1};
    nearest_in(&s, tree, 0, tree->n);
    *d2 = s.d2;
    return s.id;
}

typedef struct {
    point query;
    int32_t k, n;
    int32_t *id;
    double *d2;
} knn_search;

/* Insertion into a short sorted list: k is at most KDTREE_MAX_K. Ties go to the lower index. */
static void knn_try(knn_search *s, const kdtree *t, int32_t i)
{
    double d2 = distance2(t->at[i], s->query);
    int32_t id = t->id[i];
    int32_t place = s->n;
    while (place > 0 && (d2 < s->d2[place - 1] ||
                         (d2 <= s->d2[place - 1] && id < s->id[place - 1]))) {
        place--;
    }
    if (place >= s->k) {
        return;
    }
    if (s->n < s->k) {
        s->n++;
    }
    for (int32_t j = s->n - 1; j > place; j--) {
        s->id[j] = s->id[j - 1];
        s->d2[j] = s->d2[j - 1];
    }
    s->id[place] = id;
    s->d2[place] = d2;
}

static void knn_in(knn_search *s, const kdtree *t, int32_t lo, int32_t hi)
{
    while (hi - lo > LEAF) {
        int32_t middle = lo + (hi - lo) / 2;
        int axis = t->axis[middle];
        double offset = coordinate(s->query, axis) - coordinate(t->at[middle], axis);
        knn_try(s, t, middle);
        if (offset <= 0) {
            knn_in(s, t, lo, middle);
            lo = middle + 1;
        } else {
            knn_in(s, t, middle + 1, hi);
            hi = middle;
        }
        if (s->n == s->k && offset * offset > s->d2[s->n - 1]) {
            return;
        }
    }
    for (int32_t i = lo; i < hi; i++) {
        knn_try(s, t, i);
    }
}

int32_t kdtree_knn(const kdtree *tree, point query, int32_t k, int32_t *ids, double *d2s)
{
    knn_search s = {query, k, 0, ids, d2s};
    if (k > 0) {
        knn_in(&s, tree, 0, tree->n);
    }
    return s.n;
}

typedef struct {
    point low, high;
    kdtree_visit visit;
    void *context;
} box_search;

static bool box_try(const box_search *s, const kdtree *t, int32_t i)
{
    point p = t->at[i];
    if (p.x < s->low.x || p.x > s->high.x || p.y < s->low.y || p.y > s->high.y) {
        return true;
    }
    return s->visit(s->context, t->id[i]);
}

static bool box_in(const box_search *s, const kdtree *t, int32_t lo, int32_t hi)
{
    while (hi - lo > LEAF) {
        int32_t middle = lo + (hi - lo) / 2;
        int axis = t->axis[middle];
        double at = coordinate(t->at[middle], axis);
        bool left = coordinate(s->low, axis) <= at;
        bool right = coordinate(s->high, axis) >= at;
        if (left && right && !box_try(s, t, middle)) {
            return false;
        }
        if (left && right) {
            if (!box_in(s, t, lo, middle)) {
                return false;
            }
            lo = middle + 1;
        } else if (left) {
            hi = middle;
        } else {
            lo = middle + 1;
        }
    }
    for (int32_t i = lo; i < hi; i++) {
        if (!box_try(s, t, i)) {
            return false;
        }
    }
    return true;
}

bool kdtree_box(const kdtree *tree, point centre, point half, kdtree_visit visit, void *context)
{
    box_search s = {{centre.x - half.x, centre.y - half.y},
                    {centre.x + half.x, centre.y + half.y},
                    visit,
                    context};
    return box_in(&s, tree, 0, tree->n);
}
