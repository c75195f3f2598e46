/* Quadrilaterals and their affine invariants.
 *
 * Heyl (2013, MNRAS 433, 935): ratios of the areas of the four triangles of a quadrilateral survive
 * any affine map. We keep the signs: with l_i the signed area of the triangle without vertex i
 * (alternating), sum l_i = 0 and sum l_i p_i = 0, so -l_i / l_k are the barycentric coordinates of
 * vertex k in the triangle of the other three. Two of them are free; the signs tell a convex
 * quadrilateral from a triangle with a star inside and need no special case.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* A box wider than this holds a large share of all quadrilaterals and says nothing. */
static const double MAX_HALF_WIDTH = 0.3;

static const int32_t PERMUTATION[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                          {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

static void dependency(const point p[4], double l[4])
{
    l[0] = area2(p[1], p[2], p[3]);
    l[1] = -area2(p[0], p[2], p[3]);
    l[2] = area2(p[0], p[1], p[3]);
    l[3] = -area2(p[0], p[1], p[2]);
}

/* The labellings with vertex d as D. */
static int32_t labellings_of(const point p[4], const double l[4], int32_t d, double tolerance,
                             labelling *out)
{
    int32_t others[3], n = 0, found = 0;
    double c[3], side[3];
    for (int32_t i = 0; i < 4; i++) {
        if (i != d) {
            c[n] = -l[i] / l[d];
            others[n++] = i;
        }
    }
    double longest = 0;
    for (int32_t i = 0; i < 3; i++) {
        side[i] = sqrt(distance2(p[others[(i + 1) % 3]], p[others[(i + 2) % 3]]));
        longest = fmax(longest, side[i]);
    }
    /* D is predicted from A, B, C with the weights c; each of the four is off by up to tolerance. */
    double slip = tolerance * sqrt(1 + c[0] * c[0] + c[1] * c[1] + c[2] * c[2]);
    double doubt = slip * longest / fabs(l[d]); /* of the worst coordinate: slip over its height */
    if (doubt > MAX_HALF_WIDTH) {
        return 0;
    }
    double limit = 1 + doubt, tie = 2 * doubt;
    if (fabs(c[0]) > limit || fabs(c[1]) > limit || fabs(c[2]) > limit) {
        return 0;
    }
    for (int32_t k = 0; k < 6; k++) {
        const int32_t *s = PERMUTATION[k];
        if (c[s[0]] < c[s[1]] - tie || c[s[1]] < c[s[2]] - tie || c[s[0]] < c[s[2]] - tie) {
            continue;
        }
        int32_t a = others[s[0]], b = others[s[1]], third = others[s[2]];
        out[found++] = (labelling){
            .uv = {c[s[0]], c[s[1]]},
            .half = {slip * side[s[0]] / fabs(l[d]), slip * side[s[1]] / fabs(l[d])},
            .slip = slip,
            .order = {a, b, third, d},
            .clockwise = area2(p[a], p[b], p[third]) < 0,
        };
        if (tolerance <= 0) {
            break; /* the canonical one: of exact ties the first */
        }
    }
    return found;
}

int32_t quad_labellings(const point p[4], double tolerance, labelling out[QUAD_MAX_LABELLINGS])
{
    double l[4];
    int32_t found = 0;
    dependency(p, l);
    double largest = fmax(fmax(fabs(l[0]), fabs(l[1])), fmax(fabs(l[2]), fabs(l[3])));
    if (!(largest > 0)) {
        return 0;
    }
    for (int32_t d = 0; d < 4; d++) {
        /* Far below the largest, l[d] is no candidate and must not be divided by. */
        if (fabs(l[d]) > 0.5 * largest && (tolerance > 0 || fabs(l[d]) >= largest)) {
            found += labellings_of(p, l, d, tolerance, out + found);
            if (tolerance <= 0 && found > 0) {
                break;
            }
        }
    }
    return found;
}

static int by_stars(const void *left, const void *right)
{
    return memcmp(((const quad *)left)->star, ((const quad *)right)->star,
                  sizeof ((const quad *)left)->star);
}

static void sort_four(int32_t s[4])
{
    for (int i = 1; i < 4; i++) {
        for (int j = i; j > 0 && s[j] < s[j - 1]; j--) {
            int32_t t = s[j];
            s[j] = s[j - 1];
            s[j - 1] = t;
        }
    }
}

static int64_t choose(int64_t n, int64_t k)
{
    int64_t value = 1;
    for (int64_t i = 0; i < k; i++) {
        value = value * (n - i) / (i + 1); /* whole at every step */
    }
    return value;
}

static void all_quads(quad_list *list, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        for (int32_t j = i + 1; j < n; j++) {
            for (int32_t k = j + 1; k < n; k++) {
                for (int32_t l = k + 1; l < n; l++) {
                    list->quad[list->n++] = (quad){{i, j, k, l}, 0};
                }
            }
        }
    }
}

/* Each anchor with any three of its `near` nearest neighbours; repeated ones once. */
static void local_quads(quad_list *list, const catalogue *cat, int32_t near, int32_t anchors)
{
    for (int32_t step = 0; step < anchors; step++) {
        int32_t i = (int32_t)((int64_t)step * cat->n / anchors); /* even over the field's x */
        const int32_t *by = cat->near_ids + (size_t)i * (size_t)cat->n_near;
        for (int32_t j = 0; j < near; j++) {
            for (int32_t k = j + 1; k < near; k++) {
                for (int32_t l = k + 1; l < near; l++) {
                    quad q = {{i, by[j], by[k], by[l]}, 0};
                    sort_four(q.star);
                    list->quad[list->n++] = q;
                }
            }
        }
    }
    qsort(list->quad, (size_t)list->n, sizeof *list->quad, by_stars);
    int32_t kept = 0;
    for (int32_t i = 0; i < list->n; i++) {
        if (i == 0 || by_stars(&list->quad[i], &list->quad[kept - 1]) != 0) {
            list->quad[kept++] = list->quad[i];
        }
    }
    list->n = kept;
}

bool quads_are_all(const catalogue *cat, int32_t max_quads)
{
    return cat->n <= 64 && choose(cat->n, 4) <= max_quads;
}

kdmatch_status quads_of(quad_list *list, const catalogue *cat, int32_t max_quads,
                        int32_t max_anchors)
{
    int32_t near = cat->n_near, anchors = cat->n < max_anchors ? cat->n : max_anchors;
    bool all = quads_are_all(cat, max_quads);
    /* As many neighbours as the budget allows, and five at least: with half of the stars missing
     * four would seldom hold one common quadrilateral. */
    while (!all && near > 5 && choose(near, 3) * anchors > max_quads) {
        near--;
    }
    int64_t capacity = all ? choose(cat->n, 4) : choose(near, 3) * anchors;
    list->n = 0;
    list->quad = malloc((size_t)(capacity > 0 ? capacity : 1) * sizeof *list->quad);
    if (!list->quad) {
        return KDMATCH_NO_MEMORY;
    }
    if (all) {
        all_quads(list, cat->n);
    } else {
        local_quads(list, cat, near, anchors);
    }
    return KDMATCH_OK;
}

void quads_free(quad_list *list)
{
    free(list->quad);
    memset(list, 0, sizeof *list);
}
