/* From a hypothesis to a map: grow it over the field, then refine it. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"

enum { MAX_ROUNDS = 60 };

typedef struct {
    int32_t *id;
    int32_t n;
} gathering;

static bool gather(void *context, int32_t id)
{
    gathering *g = context;
    g->id[g->n++] = id;
    return true;
}

static int by_index(const void *left, const void *right)
{
    int32_t l = *(const int32_t *)left, r = *(const int32_t *)right;
    return l < r ? -1 : l > r;
}

/* Reference stars near enough to the fitted ones for a prediction within max_radius, in order. The
 * box around the ellipse of equal leverage is exact; what it holds too much is sorted out later. */
static int32_t within_reach(const verifier *v, const fit *f)
{
    double ratio = v->max_radius / v->options->tolerance;
    double level = ratio * ratio - 1 - 1.0 / f->n;
    double det = f->ixx * f->iyy - f->ixy * f->ixy;
    if (level <= 0 || !(det > 0)) {
        level = 0;
    }
    point half = {sqrt(level * f->iyy / det), sqrt(level * f->ixx / det)};
    gathering g = {v->trial, 0};
    kdtree_box(&v->ref->tree, f->mean, half, gather, &g);
    if (g.n < v->ref->n) {
        qsort(g.id, (size_t)g.n, sizeof *g.id, by_index);
    } else {
        for (int32_t i = 0; i < g.n; i++) {
            g.id[i] = i;
        }
    }
    return g.n;
}

/* Spread from where the map is known: the radius of search follows the error of prediction, so a
 * small quadrilateral is not asked to predict the far side of the field. */
static bool spread(verifier *v, fit *f)
{
    v->now.n = 0;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        int32_t n_trial = within_reach(v, f);
        int32_t seen = verifier_collect(v, f, n_trial, v->options->tolerance, v->max_radius);
        if (v->next.n < KDMATCH_MIN_PAIRS || v->next.n < 0.5 * v->expected * seen) {
            return false;
        }
        if (same_pairs(&v->now, &v->next)) {
            return true;
        }
        verifier_take_next(v);
        if (!fit_pairs(f, v->ref, v->tgt, &v->now)) {
            return false;
        }
    }
    return true;
}

bool verifier_grow(verifier *v, const fit *start, fit *out)
{
    *out = *start;
    return spread(v, out) && verifier_refine(v, out);
}
