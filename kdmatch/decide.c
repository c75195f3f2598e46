/* Is the best answer good enough? And what is reported of it. Nothing here depends on which list the
 * caller named first: what is asked of one direction is asked of the other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Another answer with this share of the pairs of the best makes the matter ambiguous. */
static const double RIVAL_SHARE = 0.8;
/* A map may lie outside the limits by so many of its own standard errors: the truth may be inside. */
static const double LIMIT_SIGMAS = 3;
/* Few pairs hide a distortion from the odds: what they cannot exclude is borne up to so many limits.
 * Still fewer exclude next to nothing; their stated error has to say so. */
static const double FAR_OFF = 2;
enum { VERY_FEW_PAIRS = 8, FEW_PAIRS = 30 };
/* Unpaired stars that chance brings so near to each other in one match of 100 are near misses, if noise
 * does not explain them. */
static const double MISS_CHANCE = 0.01, MISS_SIGMAS = 4;
/* Natural logarithm of the odds (100 to 1) above which the covariance covers the departure. */
static const double CLEAR_ODDS = 4.605170185988091;

/* The answer as seen from one of the lists. */
typedef struct {
    const catalogue *ref, *tgt;
    const pair_list *pairs;
    fit fit;
} view;

/* The residuals' covariance with n - 3 degrees of freedom, in each axis no less than rounding makes. */
static void scatter(const view *w, double sigma[2][2])
{
    double rounding = grid_variance(&w->fit.map, w->ref, w->tgt);
    memset(sigma, 0, 4 * sizeof(double));
    for (int32_t i = 0; i < w->pairs->n; i++) {
        point to = apply(&w->fit.map, w->ref->star[w->pairs->ref[i]]);
        point at = w->tgt->star[w->pairs->tgt[i]];
        double d[2] = {at.x - to.x, at.y - to.y};
        for (int k = 0; k < 4; k++) {
            sigma[k / 2][k % 2] += d[k / 2] * d[k % 2] / (w->pairs->n - 3);
        }
    }
    sigma[0][0] = fmax(sigma[0][0], rounding);
    sigma[1][1] = fmax(sigma[1][1], rounding);
}

/* Whether the other field holds the place of a reference star. */
static bool shared(const view *w, int32_t star, double margin)
{
    point p = apply(&w->fit.map, w->ref->star[star]);
    const catalogue *t = w->tgt;
    return p.x >= t->low.x - margin && p.x <= t->high.x + margin && p.y >= t->low.y - margin &&
           p.y <= t->high.y + margin;
}

static bool is_paired(const int32_t *list, int32_t n, int32_t star)
{
    for (int32_t i = 0; i < n; i++) {
        if (list[i] == star) {
            return true;
        }
    }
    return false;
}

static bool is_left(const view *w, int32_t star, double margin)
{
    return shared(w, star, margin) && !is_paired(w->pairs->ref, w->pairs->n, star);
}

/* Stars left over on both sides, beyond the tolerance but nearer to each other than chance brings any of them:
 * where few pairs say nothing of a distortion these do. The form is scaled until it covers them. */
static void cover_near_misses(departure *d, const view *w, double tolerance)
{
    int32_t left = 0;
    for (int32_t i = 0; w->pairs->n < FEW_PAIRS && i < w->ref->n; i++) {
        left += is_left(w, i, tolerance);
    }
    double others = w->tgt->n - w->pairs->n, factor = 1;
    double reach2 = left > 0 && others > 0 ? MISS_CHANCE * w->tgt->area / (KDM_PI * left * others) : 0;
    double noise2 = fmax(tolerance * tolerance, MISS_SIGMAS * MISS_SIGMAS * d->noise);
    for (int32_t i = 0; reach2 > noise2 && i < w->ref->n; i++) {
        double d2 = reach2;
        int32_t j = kdtree_nearest(&w->tgt->tree, apply(&w->fit.map, w->ref->star[i]), &d2);
        if (j >= 0 && d2 > noise2 && is_left(w, i, tolerance) &&
            !is_paired(w->pairs->tgt, w->pairs->n, j)) {
            factor = fmax(factor, d2 / departure_variance(d, w->ref->star[i]));
        }
    }
    for (int k = 0; k < 2 * KDMATCH_TERMS * KDMATCH_TERMS; k++) {
        (&d->form[0][0][0])[k] *= factor;
    }
}

typedef struct {
    double error;  /* greatest expected error of the map at a star that both fields hold */
    double factor; /* and its square over that of noise alone */
} extent;

static extent extent_of(const view *w, const departure *d, double sigma[2][2], double margin)
{
    extent out = {0, 1};
    for (int32_t i = 0; i < w->ref->n; i++) {
        if (shared(w, i, margin)) {
            double variance = departure_variance(d, w->ref->star[i]);
            double noise = (sigma[0][0] + sigma[1][1]) * leverage(&w->fit, w->ref->star[i]);
            out.error = fmax(out.error, variance);
            out.factor = fmax(out.factor, noise > 0 ? variance / noise : 1);
        }
    }
    out.error = sqrt(out.error);
    return out;
}

/* Both axes share the inverse moments G of [x y 1]; with the residuals' covariance S the covariance of
 * the six is the Kronecker product of S and G. */
static void covariance(const view *w, double sigma[2][2], double factor, double out[36])
{
    const fit *f = &w->fit;
    double mx = f->mean.x + w->ref->origin.x, my = f->mean.y + w->ref->origin.y;
    double gx = -(f->ixx * mx + f->ixy * my), gy = -(f->ixy * mx + f->iyy * my);
    double g[3][3] = {{f->ixx, f->ixy, gx},
                      {f->ixy, f->iyy, gy},
                      {gx, gy, 1.0 / f->n - gx * mx - gy * my}};
    for (int i = 0; i < 36; i++) {
        int row = i / 6, column = i % 6;
        out[i] = factor * sigma[row / 3][column / 3] * g[row % 3][column % 3];
    }
}

typedef struct {
    int64_t ref, tgt;
} row_pair;

static int by_row(const void *left, const void *right)
{
    int64_t l = ((const row_pair *)left)->ref, r = ((const row_pair *)right)->ref;
    return l < r ? -1 : l > r;
}

static void report(const view *w, const departure *d, double margin, kdmatch_result *result,
                   int64_t *pairs)
{
    const affine *m = &w->fit.map;
    point from = w->ref->origin, to = w->tgt->origin;
    double sigma[2][2];
    scatter(w, sigma);
    extent over = extent_of(w, d, sigma, margin);
    bool distorted = d->log_odds > CLEAR_ODDS;
    double affine_out[6] = {m->a, m->b, m->c + to.x - m->a * from.x - m->b * from.y,
                            m->d, m->e, m->f + to.y - m->d * from.x - m->e * from.y};
    memcpy(result->affine, affine_out, sizeof affine_out);
    covariance(w, sigma, distorted ? over.factor : 1, result->covariance);
    result->rms = w->fit.rms;
    result->tolerance = w->fit.tolerance;
    result->log10_distortion_odds = KDM_LOG10_E * d->log_odds;
    result->departure = over.error;
    result->error_centre[0] = d->centre.x + from.x;
    result->error_centre[1] = d->centre.y + from.y;
    result->error_scale = d->scale;
    memcpy(result->error_form, d->form, sizeof d->form);
    result->n_pairs = w->pairs->n;
    for (int32_t i = 0; i < w->pairs->n; i++) {
        pairs[2 * i] = w->ref->row[w->pairs->ref[i]];
        pairs[2 * i + 1] = w->tgt->row[w->pairs->tgt[i]];
    }
    qsort(pairs, (size_t)w->pairs->n, sizeof(row_pair), by_row);
}

static bool inside_limits(const view *w, const kdmatch_options *options)
{
    double sigma[2][2];
    scatter(w, sigma);
    double variance = fmax(sigma[0][0], sigma[1][1]) * fmax(w->fit.ixx, w->fit.iyy);
    double size = fabs(w->fit.map.a) + fabs(w->fit.map.b) + fabs(w->fit.map.d) + fabs(w->fit.map.e);
    return map_is_plausible(&w->fit.map, options, LIMIT_SIGMAS * sqrt(variance) + 1e-9 * size);
}

/* Why the answer is refused, if it is. */
static kdmatch_reason verdict(const verifier *v, const answer *best, const view *forward,
                              const view *backward, const departure *d, double chance)
{
    const kdmatch_options *o = v->options;
    if (chance >= log10(o->max_false_alarm)) {
        return KDMATCH_REASON_CHANCE;
    }
    if (best->rival_pairs >= RIVAL_SHARE * best->pairs.n) {
        return KDMATCH_REASON_AMBIGUOUS;
    }
    if (!inside_limits(forward, o)) {
        return KDMATCH_REASON_LIMITS;
    }
    if (fmax(field_error(&forward->fit, v->ref, v->tgt, o->tolerance),
             field_error(&backward->fit, v->tgt, v->ref, o->tolerance)) > o->max_field_error) {
        return KDMATCH_REASON_UNDETERMINED;
    }
    double sigma[2][2];
    scatter(forward, sigma);
    double error = extent_of(forward, d, sigma, o->tolerance).error;
    if (d->log_odds > 0 && error > o->max_field_error) {
        return KDMATCH_REASON_DISTORTED;
    }
    bool unsure = best->pairs.n >= VERY_FEW_PAIRS && best->pairs.n < FEW_PAIRS &&
                  error > FAR_OFF * o->max_field_error;
    return unsure ? KDMATCH_REASON_UNDETERMINED : KDMATCH_REASON_NONE;
}

static void turn_round(const pair_list *from, pair_list *to)
{
    to->n = from->n;
    memcpy(to->ref, from->tgt, (size_t)from->n * sizeof *from->tgt);
    memcpy(to->tgt, from->ref, (size_t)from->n * sizeof *from->ref);
}

static kdmatch_status decide_with(const verifier *v, const answer *best, bool swapped,
                                  kdmatch_result *result, int64_t *pairs, pair_list *reversed)
{
    const kdmatch_options *o = v->options;
    verifier back = {.ref = v->tgt, .tgt = v->ref, .options = o, .density = v->ref->n / v->ref->area,
                     .moments = triangle_moments(v->tgt)};
    kdmatch_options inverse = options_turned(o);
    back.options = &inverse;
    result->needed_pairs = chance_needed(v, &back);
    view forward = {v->ref, v->tgt, &best->pairs, best->fit};
    view backward = {v->tgt, v->ref, reversed, {.n = 0}};
    if (best->found) {
        turn_round(&best->pairs, reversed);
    }
    if (!best->found || !fit_pairs(&backward.fit, v->tgt, v->ref, reversed)) {
        result->reason = v->exhausted ? KDMATCH_REASON_BUDGET : KDMATCH_REASON_CHANCE;
        return KDMATCH_NO_MATCH;
    }
    double scale, ratio;
    map_shape(&backward.fit.map, &scale, &ratio);
    backward.fit.tolerance = fmax(forward.fit.tolerance * scale,
                                  sqrt(worst_residual2(&backward.fit, v->tgt, v->ref, reversed)));
    double chance = chance_of_either(best->chance, chance_log10(&back, &backward.fit, reversed));
    departure d;
    departure_of(&d, &forward.fit, v->ref, v->tgt, &best->pairs, o->tolerance);
    result->log10_false_alarm = chance;
    result->reason = verdict(v, best, &forward, &backward, &d, chance);
    if (result->reason == KDMATCH_REASON_CHANCE && v->exhausted) {
        result->reason = KDMATCH_REASON_BUDGET;
    }
    result->log10_distortion_odds = KDM_LOG10_E * d.log_odds;
    if (result->reason != KDMATCH_REASON_NONE) {
        return KDMATCH_NO_MATCH;
    }
    if (swapped) {
        departure_of(&d, &backward.fit, v->tgt, v->ref, reversed, o->tolerance);
    }
    const view *seen = swapped ? &backward : &forward;
    cover_near_misses(&d, seen, o->tolerance);
    report(seen, &d, o->tolerance, result, pairs);
    return KDMATCH_OK;
}

kdmatch_status decide(const verifier *v, const answer *best, bool swapped, kdmatch_result *result,
                      int64_t *pairs)
{
    pair_list reversed;
    kdmatch_status status = KDMATCH_NO_MEMORY;
    if (pairs_open(&reversed, v->ref->n)) {
        status = decide_with(v, best, swapped, result, pairs, &reversed);
    }
    pairs_close(&reversed);
    return status;
}
