/* From a map to its pairs: refit until they stay the same, then look at them once more. */
#include <math.h>

#include "internal.h"

static const double FALSE_PARTNER = 0.01; /* probability below which a pair is one */
enum {
    MAX_ROUNDS = 60,
    MANY_PAIRS = 12 /* enough to tell their noise to a fifth */
};

/* Refit on all pairs within a tolerance until they stay the same. Should the set ever come back to an
 * earlier one without resting, the rounds end the loop, the same way for the same start. */
static bool settle(verifier *v, fit *f, double tolerance)
{
    for (int round = 0; round < MAX_ROUNDS; round++) {
        for (int32_t i = 0; i < v->ref->n; i++) {
            v->trial[i] = i;
        }
        verifier_collect(v, f, v->ref->n, tolerance, INFINITY);
        bool rest = same_pairs(&v->now, &v->next);
        verifier_take_next(v);
        if (v->now.n < KDMATCH_MIN_PAIRS || !fit_pairs(f, v->ref, v->tgt, &v->now)) {
            return false;
        }
        if (rest) {
            return true;
        }
    }
    return true;
}

/* A false partner near the place of a missing star passes the tolerance, and among few pairs it bends
 * the map. It shows beside the scatter of the others: without pair i the sum of squares falls by
 * e^2 / (1 - h), and for Gaussian errors the share that is left is, to the power n - 4, the exact
 * probability of such a fall (F test of 2 against 2 n - 8 degrees of freedom). */
static double tolerance_of(const verifier *v, const fit *f)
{
    double scale, ratio;
    map_shape(&f->map, &scale, &ratio);
    return v->options->tolerance * fmin(1, scale);
}

static void drop_false_partners(verifier *v, fit *f)
{
    double half = tolerance_of(v, f) / 2; /* smaller ones do no harm */
    while (f->n >= 6 && f->n < MANY_PAIRS) {
        double worst = 0;
        int32_t drop = -1;
        for (int32_t k = 0; k < f->n; k++) {
            point at = v->ref->star[v->now.ref[k]], to = v->tgt->star[v->now.tgt[k]];
            double rest = fmax(1e-9, 1 - leverage(f, at));
            double fall = distance2(apply(&f->map, at), to) / rest;
            if (fall > worst) {
                worst = fall;
                drop = k;
            }
        }
        double left = 1 - worst / (f->rms * f->rms * f->n);
        if (worst <= half * half || f->n * pow(fmax(0.0, left), f->n - 4) > FALSE_PARTNER) {
            return;
        }
        v->next.n = 0;
        for (int32_t k = 0; k < f->n; k++) {
            if (k != drop) {
                v->next.ref[v->next.n] = v->now.ref[k];
                v->next.tgt[v->next.n++] = v->now.tgt[k];
            }
        }
        fit without;
        if (!fit_pairs(&without, v->ref, v->tgt, &v->next) ||
            worst_residual2(&without, v->ref, v->tgt, &v->next) > f->tolerance * f->tolerance) {
            return; /* the others do not agree better without it */
        }
        without.tolerance = f->tolerance;
        *f = without;
        verifier_take_next(v);
    }
}

/* First with twice the tolerance, so that neighbouring starts end in the same place. At last, if the
 * noise of many pairs turns out above a quarter of the tolerance, with four times that noise: of
 * Gaussian errors in two axes one in 3000 lies farther out, and none should be cut off. */
bool verifier_refine(verifier *v, fit *f)
{
    double tolerance = tolerance_of(v, f);
    if (!settle(v, f, 2 * tolerance) || !settle(v, f, tolerance)) {
        return false;
    }
    double noise = f->n >= MANY_PAIRS ? f->rms * sqrt(f->n / (2.0 * f->n - 6)) : 0;
    if (4 * noise > tolerance) {
        tolerance = fmin(4 * noise, 2 * tolerance);
        if (!settle(v, f, tolerance)) {
            return false;
        }
    }
    f->tolerance = tolerance;
    drop_false_partners(v, f);
    /* Pairs that came to no rest may have drifted apart in the last fit. */
    return worst_residual2(f, v->ref, v->tgt, &v->now) <= f->tolerance * f->tolerance;
}
