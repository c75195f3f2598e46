/* The search: quadrilaterals of the target, the most telling first, look up those of the reference
 * with the same invariants in a k-d tree; each such pair is a hypothesis that the rest of the
 * catalogues confirms or not. */
#include "kdmatch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum {
    MAX_QUADS = 32000,     /* of a catalogue; all of them up to 30 stars */
    MIN_QUADS = 2000,
    MAX_ANCHORS = 200000,  /* stars of the target around which quadrilaterals are formed */
    MIN_RIVAL_CANDIDATES = 1000
};
/* A map this far below max_false_alarm ends the search; a weaker one waits for a better to come. */
static const double LOG10_CERTAIN = -4.0;
/* Another map with this share of the pairs of the best makes the answer ambiguous. */
static const double RIVAL_SHARE = 0.8;
/* An inverted triangle of height h turns position errors into errors of the linear part of tolerance
 * over h; this many of them are granted at the limits. */
static const double LIMIT_SLACK = 0.7;
/* Linear parts this near to the prior's are looked at first. */
static const double PRIOR_RADIUS = 0.2;

typedef struct {
    const kdmatch_options *options;
    const catalogue *ref, *tgt;
    kdmatch_result *result;
    quad_list ref_quads, tgt_quads;
    double *ref_height; /* per reference quadrilateral: smallest height of A B C */
    kdtree tree;       /* over their invariants, the clockwise ones shifted */
    verifier verifier;
    fit best;
    pair_list best_pairs;
    double best_chance; /* log10 */
    bool have_best;
    fit rival;
    int32_t rival_pairs;
    bool use_prior;
    /* of the target quadrilateral in hand */
    point corner[4];
    double slip;
} search;

static const double CLOCKWISE_SHIFT = 10.0; /* invariants lie within +-2 */

static void corners(const catalogue *cat, const quad *q, point out[4])
{
    for (int i = 0; i < 4; i++) {
        out[i] = cat->star[q->star[i]];
    }
}

/* ---- preparing both sides ------------------------------------------------------------------ */

static kdmatch_status index_reference(search *s, int32_t max_quads, int32_t max_anchors)
{
    kdmatch_status status = quads_of(&s->ref_quads, s->ref, max_quads, max_anchors);
    if (status != KDMATCH_OK) {
        return status;
    }
    size_t room = (size_t)(s->ref_quads.n > 0 ? s->ref_quads.n : 1);
    point *uv = malloc(room * sizeof *uv);
    s->ref_height = malloc(room * sizeof *s->ref_height);
    if (!uv || !s->ref_height) {
        free(uv);
        return KDMATCH_NO_MEMORY;
    }
    int32_t kept = 0;
    for (int32_t i = 0; i < s->ref_quads.n; i++) {
        quad q = s->ref_quads.quad[i];
        point p[4];
        labelling l[QUAD_MAX_LABELLINGS];
        corners(s->ref, &q, p);
        if (quad_labellings(p, 0, l) == 0) {
            continue;
        }
        quad *out = &s->ref_quads.quad[kept];
        for (int k = 0; k < 4; k++) {
            out->star[k] = q.star[l[0].order[k]];
        }
        uv[kept] = l[0].uv;
        uv[kept].x += l[0].clockwise ? CLOCKWISE_SHIFT : 0;
        const point *a = &p[l[0].order[0]], *b = &p[l[0].order[1]], *c = &p[l[0].order[2]];
        double longest = fmax(distance2(*a, *b), fmax(distance2(*b, *c), distance2(*a, *c)));
        s->ref_height[kept++] = fabs(area2(*a, *b, *c)) / sqrt(longest);
    }
    s->ref_quads.n = kept;
    bool built = kdtree_build(&s->tree, uv, kept);
    free(uv);
    return built ? KDMATCH_OK : KDMATCH_NO_MEMORY;
}

static int by_reach(const void *left, const void *right)
{
    const quad *l = left, *r = right;
    if (l->reach != r->reach) {
        return l->reach < r->reach ? -1 : 1;
    }
    return memcmp(l->star, r->star, sizeof l->star);
}

static kdmatch_status order_target(search *s, int32_t max_quads, int32_t max_anchors)
{
    kdmatch_status status = quads_of(&s->tgt_quads, s->tgt, max_quads, max_anchors);
    if (status != KDMATCH_OK) {
        return status;
    }
    int32_t kept = 0;
    for (int32_t i = 0; i < s->tgt_quads.n; i++) {
        quad q = s->tgt_quads.quad[i];
        point p[4];
        labelling l[QUAD_MAX_LABELLINGS];
        corners(s->tgt, &q, p);
        if (quad_labellings(p, s->options->tolerance, l) > 0) {
            q.reach = (float)fmax(l[0].half.x, l[0].half.y);
            s->tgt_quads.quad[kept++] = q;
        }
    }
    s->tgt_quads.n = kept;
    qsort(s->tgt_quads.quad, (size_t)kept, sizeof *s->tgt_quads.quad, by_reach);
    return KDMATCH_OK;
}

/* ---- one hypothesis ------------------------------------------------------------------------ */

/* Least squares through four pairs in closed form: the residuals lie along the weights w of the
 * one affine dependency, sum w = 0 and sum w p = 0, so removing that part leaves an exact map. */
static affine through_four(const point r[4], const point t[4], point miss, const double w[4])
{
    double norm = w[0] * w[0] + w[1] * w[1] + w[2] * w[2] + w[3] * w[3];
    point q[3];
    for (int i = 0; i < 3; i++) {
        q[i] = (point){t[i].x - w[i] * miss.x / norm, t[i].y - w[i] * miss.y / norm};
    }
    double det = area2(r[0], r[1], r[2]);
    double x1 = r[1].x - r[0].x, y1 = r[1].y - r[0].y, x2 = r[2].x - r[0].x, y2 = r[2].y - r[0].y;
    double u1 = q[1].x - q[0].x, v1 = q[1].y - q[0].y, u2 = q[2].x - q[0].x, v2 = q[2].y - q[0].y;
    affine m = {(u1 * y2 - u2 * y1) / det, (u2 * x1 - u1 * x2) / det, 0,
                (v1 * y2 - v2 * y1) / det, (v2 * x1 - v1 * x2) / det, 0};
    m.c = q[0].x - m.a * r[0].x - m.b * r[0].y;
    m.f = q[0].y - m.d * r[0].x - m.e * r[0].y;
    return m;
}

static void start_from(fit *out, const affine *map, const point r[4])
{
    double sxx = 0, sxy = 0, syy = 0;
    out->map = *map;
    out->n = 4;
    out->mean = (point){(r[0].x + r[1].x + r[2].x + r[3].x) / 4,
                        (r[0].y + r[1].y + r[2].y + r[3].y) / 4};
    for (int i = 0; i < 4; i++) {
        double dx = r[i].x - out->mean.x, dy = r[i].y - out->mean.y;
        sxx += dx * dx;
        sxy += dx * dy;
        syy += dy * dy;
    }
    double det = sxx * syy - sxy * sxy;
    out->ixx = syy / det;
    out->ixy = -sxy / det;
    out->iyy = sxx / det;
    out->rms = 0;
}

static bool near_prior(const search *s, const affine *m)
{
    const double *p = s->options->prior;
    double size = sqrt(fabs(p[0] * p[4] - p[1] * p[3])) * PRIOR_RADIUS;
    return fabs(m->a - p[0]) < size && fabs(m->b - p[1]) < size && fabs(m->d - p[3]) < size &&
           fabs(m->e - p[4]) < size;
}

/* Do two maps agree over the reference's box within a few tolerances? */
static bool same_map(const search *s, const affine *m, const affine *n)
{
    double limit = 5 * s->options->tolerance;
    point low = s->ref->low, high = s->ref->high;
    point at[4] = {low, {low.x, high.y}, {high.x, low.y}, high};
    for (int i = 0; i < 4; i++) {
        if (distance2(apply(m, at[i]), apply(n, at[i])) > limit * limit) {
            return false;
        }
    }
    return true;
}

static bool convincing(const search *s)
{
    return s->have_best &&
           s->best_chance < log10(s->options->max_false_alarm) + LOG10_CERTAIN;
}

/* Keep the less probable by chance; of equals the one with more pairs, then the smaller residuals. */
static void keep(search *s, const fit *found, double chance)
{
    pair_list *now = &s->verifier.now;
    if (now->n > s->result->best_pairs) {
        s->result->best_pairs = now->n;
    }
    bool same = s->have_best && same_map(s, &found->map, &s->best.map);
    bool better = !s->have_best || chance < s->best_chance;
    if (!better) {
        if (!same && now->n > s->rival_pairs) {
            s->rival = *found;
            s->rival_pairs = now->n;
        }
        return;
    }
    if (s->have_best && !same && s->best_pairs.n > s->rival_pairs) {
        s->rival = s->best;
        s->rival_pairs = s->best_pairs.n;
    }
    s->best = *found;
    s->best_chance = chance;
    s->have_best = true;
    s->best_pairs.n = now->n;
    memcpy(s->best_pairs.ref, now->ref, (size_t)now->n * sizeof *now->ref);
    memcpy(s->best_pairs.tgt, now->tgt, (size_t)now->n * sizeof *now->tgt);
}

/* The hypothesis adds nothing when the best map already takes its four stars there. */
static bool known(const search *s, const point r[4])
{
    double limit = 2 * s->options->tolerance;
    for (int i = 0; s->have_best && i < 4; i++) {
        if (distance2(apply(&s->best.map, r[i]), s->corner[i]) > limit * limit) {
            return false;
        }
    }
    return s->have_best;
}

static bool candidate(void *context, int32_t id)
{
    search *s = context;
    kdmatch_result *result = s->result;
    if (result->n_candidates >= s->options->max_candidates ||
        (convincing(s) && result->n_candidates >= MIN_RIVAL_CANDIDATES)) {
        return false;
    }
    result->n_candidates++;
    const quad *q = &s->ref_quads.quad[id];
    point r[4];
    corners(s->ref, q, r);
    double det = area2(r[0], r[1], r[2]);
    double w[4] = {-area2(r[1], r[2], r[3]) / det, area2(r[0], r[2], r[3]) / det,
                   -area2(r[0], r[1], r[3]) / det, 1};
    const point *t = s->corner;
    point miss = {w[0] * t[0].x + w[1] * t[1].x + w[2] * t[2].x + t[3].x,
                  w[0] * t[0].y + w[1] * t[1].y + w[2] * t[2].y + t[3].y};
    if (miss.x * miss.x + miss.y * miss.y > s->slip * s->slip) {
        return true;
    }
    affine map = through_four(r, t, miss, w);
    double slack = LIMIT_SLACK * s->options->tolerance / s->ref_height[id];
    if (!map_is_plausible(&map, s->options, slack) || (s->use_prior && !near_prior(s, &map))) {
        return true;
    }
    result->n_plausible++;
    if (known(s, r)) {
        return true;
    }
    fit start, found;
    start_from(&start, &map, r);
    if (!verifier_screen(&s->verifier, &start, q->star)) {
        return true;
    }
    result->n_verified++;
    if (verifier_grow(&s->verifier, &start, &found)) {
        /* Over the whole catalogue the linear part is known to tolerance over the field's size. */
        double reach = s->options->tolerance * sqrt(found.ixx + found.iyy);
        if (map_is_plausible(&found.map, s->options, reach)) {
            keep(s, &found, chance_log10(&s->verifier, &found, &s->verifier.now));
        }
    }
    return true;
}

/* ---- all of them --------------------------------------------------------------------------- */

static bool look_up(search *s, const labelling *l, const point p[4], bool clockwise)
{
    for (int i = 0; i < 4; i++) {
        s->corner[i] = p[l->order[i]];
    }
    s->slip = l->slip;
    point centre = l->uv;
    centre.x += clockwise ? CLOCKWISE_SHIFT : 0;
    return kdtree_box(&s->tree, centre, l->half, candidate, s);
}

static void sweep(search *s)
{
    for (int32_t i = 0; i < s->tgt_quads.n; i++) {
        point p[4];
        labelling l[QUAD_MAX_LABELLINGS];
        corners(s->tgt, &s->tgt_quads.quad[i], p);
        int32_t n = quad_labellings(p, s->options->tolerance, l);
        for (int32_t k = 0; k < n; k++) {
            if (!look_up(s, &l[k], p, l[k].clockwise) ||
                (s->options->allow_reflection && !look_up(s, &l[k], p, !l[k].clockwise))) {
                return;
            }
        }
    }
}

static kdmatch_status run(search *s)
{
    kdmatch_status status = order_target(s, MAX_QUADS, MAX_ANCHORS);
    if (status != KDMATCH_OK) {
        return status;
    }
    /* The number of look-ups times the entries they search is what costs time. */
    int64_t share = (int64_t)MAX_QUADS * MAX_QUADS / (s->tgt_quads.n > 0 ? s->tgt_quads.n : 1);
    int32_t most = share < MIN_QUADS ? MIN_QUADS : share > MAX_QUADS ? MAX_QUADS : (int32_t)share;
    status = index_reference(s, most, most / 10);
    if (status != KDMATCH_OK) {
        return status;
    }
    s->result->n_target_quads = s->tgt_quads.n;
    s->result->n_reference_quads = s->ref_quads.n;
    if (s->options->has_prior) {
        s->use_prior = true;
        sweep(s);
        s->use_prior = false;
    }
    sweep(s);
    return KDMATCH_OK;
}

/* ---- the result ---------------------------------------------------------------------------- */

/* Both axes share the inverse moments G of [x y 1]; with the residuals' 2 x 2 covariance S (n - 3
 * degrees of freedom) the covariance of the six is the Kronecker product of S and G. */
static void covariance(const search *s, double out[36])
{
    const fit *f = &s->best;
    double sigma[2][2] = {{0, 0}, {0, 0}};
    for (int32_t i = 0; i < s->best_pairs.n; i++) {
        point to = apply(&f->map, s->ref->star[s->best_pairs.ref[i]]);
        point at = s->tgt->star[s->best_pairs.tgt[i]];
        double d[2] = {at.x - to.x, at.y - to.y};
        for (int k = 0; k < 4; k++) {
            sigma[k / 2][k % 2] += d[k / 2] * d[k % 2] / (s->best_pairs.n - 3);
        }
    }
    double mx = f->mean.x + s->ref->origin.x, my = f->mean.y + s->ref->origin.y;
    double gx = -(f->ixx * mx + f->ixy * my), gy = -(f->ixy * mx + f->iyy * my);
    double g[3][3] = {{f->ixx, f->ixy, gx},
                      {f->ixy, f->iyy, gy},
                      {gx, gy, 1.0 / f->n - gx * mx - gy * my}};
    for (int i = 0; i < 36; i++) {
        int row = i / 6, column = i % 6;
        out[i] = sigma[row / 3][column / 3] * g[row % 3][column % 3];
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

static void report(const search *s, int64_t *pairs)
{
    kdmatch_result *result = s->result;
    const affine *m = &s->best.map;
    point from = s->ref->origin, to = s->tgt->origin;
    double affine_out[6] = {m->a, m->b, m->c + to.x - m->a * from.x - m->b * from.y,
                            m->d, m->e, m->f + to.y - m->d * from.x - m->e * from.y};
    memcpy(result->affine, affine_out, sizeof affine_out);
    covariance(s, result->covariance);
    result->rms = s->best.rms;
    result->n_pairs = s->best_pairs.n;
    for (int32_t i = 0; i < s->best_pairs.n; i++) {
        pairs[2 * i] = s->ref->row[s->best_pairs.ref[i]];
        pairs[2 * i + 1] = s->tgt->row[s->best_pairs.tgt[i]];
    }
    qsort(pairs, (size_t)s->best_pairs.n, sizeof(row_pair), by_row);
}

static kdmatch_status decide(search *s, int64_t *pairs)
{
    kdmatch_result *result = s->result;
    result->needed_pairs = chance_needed(&s->verifier);
    result->log10_false_alarm = s->have_best ? s->best_chance : 0;
    if (!s->have_best || s->best_chance >= log10(s->options->max_false_alarm)) {
        result->reason = result->n_candidates >= s->options->max_candidates
                             ? KDMATCH_REASON_BUDGET
                             : KDMATCH_REASON_CHANCE;
        return KDMATCH_NO_MATCH;
    }
    if (s->rival_pairs >= RIVAL_SHARE * s->best_pairs.n &&
        !same_map(s, &s->rival.map, &s->best.map)) {
        result->reason = KDMATCH_REASON_AMBIGUOUS;
        return KDMATCH_NO_MATCH;
    }
    report(s, pairs);
    return KDMATCH_OK;
}

static kdmatch_status match_catalogues(const catalogue *ref, const catalogue *tgt,
                                       const kdmatch_options *options, kdmatch_result *result,
                                       int64_t *pairs)
{
    result->n_reference = ref->n;
    result->n_target = tgt->n;
    if (ref->n < KDMATCH_MIN_PAIRS || tgt->n < KDMATCH_MIN_PAIRS) {
        result->reason = KDMATCH_REASON_TOO_FEW;
        return KDMATCH_NO_MATCH;
    }
    if (!(ref->hull_area > 0) || !(tgt->hull_area > 0)) {
        result->reason = KDMATCH_REASON_COLLINEAR;
        return KDMATCH_NO_MATCH;
    }
    search s = {.options = options, .ref = ref, .tgt = tgt, .result = result};
    kdmatch_status status = KDMATCH_NO_MEMORY;
    s.best_pairs.ref = malloc((size_t)ref->n * sizeof *s.best_pairs.ref);
    s.best_pairs.tgt = malloc((size_t)ref->n * sizeof *s.best_pairs.tgt);
    if (s.best_pairs.ref && s.best_pairs.tgt && verifier_open(&s.verifier, ref, tgt, options)) {
        status = run(&s);
        if (status == KDMATCH_OK) {
            status = decide(&s, pairs);
        }
        verifier_close(&s.verifier);
    }
    free(s.best_pairs.ref);
    free(s.best_pairs.tgt);
    free(s.ref_height);
    kdtree_free(&s.tree);
    quads_free(&s.ref_quads);
    quads_free(&s.tgt_quads);
    return status;
}

/* ---- the public interface ------------------------------------------------------------------ */

static bool options_are_valid(const kdmatch_options *o)
{
    bool limits = o->tolerance > 0 && o->tolerance <= KDMATCH_MAX_COORDINATE && o->scale_min > 0 &&
                  o->scale_max >= o->scale_min && o->scale_max <= 1e6 && o->max_shear >= 0 &&
                  o->max_shear <= 1;
    bool decision = o->max_false_alarm > 0 && o->max_false_alarm < 1 && o->max_candidates > 0;
    for (int i = 0; o->has_prior && i < 6; i++) {
        limits = limits && isfinite(o->prior[i]);
    }
    return limits && decision;
}

kdmatch_status kdmatch_match(const double *reference, int64_t n_reference, const double *target,
                             int64_t n_target, const kdmatch_options *options,
                             kdmatch_result *result, int64_t *pairs)
{
    if (!options || !result || !pairs || !options_are_valid(options)) {
        return KDMATCH_BAD_ARGUMENT;
    }
    memset(result, 0, sizeof *result);
    catalogue ref, tgt;
    kdmatch_status status = catalogue_open(&ref, reference, n_reference);
    if (status != KDMATCH_OK) {
        return status;
    }
    status = catalogue_open(&tgt, target, n_target);
    if (status == KDMATCH_OK) {
        status = match_catalogues(&ref, &tgt, options, result, pairs);
        catalogue_close(&tgt);
    }
    catalogue_close(&ref);
    return status;
}

int32_t kdmatch_abi(void)
{
    return KDMATCH_ABI;
}

int64_t kdmatch_sizeof_options(void)
{
    return (int64_t)sizeof(kdmatch_options);
}

int64_t kdmatch_sizeof_result(void)
{
    return (int64_t)sizeof(kdmatch_result);
}

#ifndef KDMATCH_BUILD_KEY
#define KDMATCH_BUILD_KEY ""
#endif

const char *kdmatch_build_key(void)
{
    return KDMATCH_BUILD_KEY;
}
