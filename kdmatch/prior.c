/* With a prior on the linear part a constellation is known but for its place: an anchor and its
 * neighbours are tried on every target star. Quick, and only a start: what is found is verified like
 * any other hypothesis. */
#include <math.h>

#include "internal.h"

/* The true linear part is looked for within this of the prior's: 6 degrees, 10 % in scale. */
static const double PRIOR_RADIUS = 0.1;
enum {
    NEIGHBOURS = 8,
    ANCHORS = 16,      /* half of them may be missing */
    FEW_ANCHORS = 4,   /* fewer may all be missing */
    MAX_PLACES = 50000 /* anchors times target stars: more would take longer than it saves */
};

/* Pairs of the anchor's constellation when the anchor lies on target star j. */
static void place(const verifier *v, int32_t anchor, int32_t j, pair_list *pairs)
{
    const double *p = v->options->prior;
    const catalogue *ref = v->ref, *tgt = v->tgt;
    const int32_t *near = ref->near_ids + (size_t)anchor * (size_t)ref->n_near;
    double scale = sqrt(fabs(p[0] * p[4] - p[1] * p[3]));
    point from = ref->star[anchor], to = tgt->star[j];
    pairs->n = 1;
    pairs->ref[0] = anchor;
    pairs->tgt[0] = j;
    for (int32_t k = 0; k < ref->n_near && k < NEIGHBOURS; k++) {
        double x = ref->star[near[k]].x - from.x, y = ref->star[near[k]].y - from.y;
        point at = {to.x + p[0] * x + p[1] * y, to.y + p[3] * x + p[4] * y};
        double radius = v->options->tolerance + PRIOR_RADIUS * scale * sqrt(x * x + y * y);
        double d2 = radius * radius;
        int32_t found = kdtree_nearest(&tgt->tree, at, &d2);
        if (found >= 0) {
            pairs->ref[pairs->n] = near[k];
            pairs->tgt[pairs->n++] = found;
        }
    }
}

/* Fit, and drop the worst pair until all agree within the tolerance or too few are left. */
static bool settle_few(const verifier *v, pair_list *pairs, fit *f)
{
    while (pairs->n >= KDMATCH_MIN_PAIRS && fit_pairs(f, v->ref, v->tgt, pairs)) {
        double worst = 0;
        int32_t drop = 0;
        for (int32_t i = 0; i < pairs->n; i++) {
            double d2 = distance2(apply(&f->map, v->ref->star[pairs->ref[i]]),
                                  v->tgt->star[pairs->tgt[i]]);
            if (d2 > worst) {
                worst = d2;
                drop = i;
            }
        }
        if (worst <= v->options->tolerance * v->options->tolerance) {
            return true;
        }
        pairs->n--;
        pairs->ref[drop] = pairs->ref[pairs->n];
        pairs->tgt[drop] = pairs->tgt[pairs->n];
    }
    return false;
}

void prior_starts(verifier *v, prior_visit visit, void *context)
{
    int32_t ref[NEIGHBOURS + 1], tgt[NEIGHBOURS + 1];
    int32_t anchors = MAX_PLACES / v->tgt->n;
    if (anchors < FEW_ANCHORS) {
        return;
    }
    anchors = anchors < ANCHORS ? anchors : ANCHORS;
    anchors = anchors < v->ref->n ? anchors : v->ref->n;
    for (int32_t step = 0; step < anchors; step++) {
        int32_t anchor = (int32_t)((int64_t)step * v->ref->n / anchors);
        for (int32_t j = 0; j < v->tgt->n; j++) {
            pair_list pairs = {0, ref, tgt};
            fit start;
            place(v, anchor, j, &pairs);
            if (settle_few(v, &pairs, &start) && !visit(context, &start, pairs.ref)) {
                return;
            }
        }
    }
}

/* The same limits for the inverse map. A prior that cannot be inverted only ordered the work. */
kdmatch_options options_turned(const kdmatch_options *o)
{
    kdmatch_options out = *o;
    out.scale_min = 1 / o->scale_max;
    out.scale_max = 1 / o->scale_min;
    const double *p = o->prior;
    double det = p[0] * p[4] - p[1] * p[3];
    double linear[4] = {p[4] / det, -p[1] / det, -p[3] / det, p[0] / det};
    for (int i = 0; i < 4; i++) {
        out.has_prior = out.has_prior && isfinite(linear[i]);
        out.prior[i < 2 ? i : i + 1] = linear[i];
    }
    out.prior[2] = out.prior[5] = 0; /* not used */
    return out;
}
