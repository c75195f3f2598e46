/* From a hypothesis to the map: screen it among neighbours, grow it over the field, refine it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Circles in which a target star lies by chance more often than this carry no information. */
static const double MAX_COINCIDENCE = 0.3;
/* With equal depth at least this share of the reference stars is taken to have a partner: the hardest
 * setting we answer for has half of them missing, and noise loses some more. */
static const double EXPECTED_SHARE = 0.35;
static const double SCREEN_DROP = -3.5; /* log odds: eight misses in a row */
static const double SCREEN_KEEP = 15.0;
enum { MAX_ROUNDS = 60 };

static bool pairs_open(pair_list *list, int32_t room)
{
    list->n = 0;
    list->ref = malloc((size_t)room * sizeof *list->ref);
    list->tgt = malloc((size_t)room * sizeof *list->tgt);
    return list->ref && list->tgt;
}

static void pairs_close(pair_list *list)
{
    free(list->ref);
    free(list->tgt);
}

bool verifier_open(verifier *v, const catalogue *ref, const catalogue *tgt,
                   const kdmatch_options *options)
{
    memset(v, 0, sizeof *v);
    v->ref = ref;
    v->tgt = tgt;
    v->options = options;
    v->density = tgt->n / tgt->hull_area;
    v->max_radius = fmax(options->tolerance, sqrt(MAX_COINCIDENCE / (KDM_PI * v->density)));
    v->expected = EXPECTED_SHARE * fmin(1.0, (double)tgt->n / ref->n);
    v->owner = malloc((size_t)tgt->n * sizeof *v->owner);
    v->owner_d2 = malloc((size_t)tgt->n * sizeof *v->owner_d2);
    v->trial = malloc((size_t)ref->n * sizeof *v->trial);
    bool lists = pairs_open(&v->now, ref->n);
    lists = pairs_open(&v->next, ref->n) && lists;
    if (!v->owner || !v->owner_d2 || !v->trial || !lists) {
        verifier_close(v);
        return false;
    }
    for (int32_t j = 0; j < tgt->n; j++) {
        v->owner[j] = -1;
    }
    return true;
}

void verifier_close(verifier *v)
{
    free(v->owner);
    free(v->owner_d2);
    free(v->trial);
    pairs_close(&v->now);
    pairs_close(&v->next);
    memset(v, 0, sizeof *v);
}

/* The normal equations of both axes share one 2 x 2 scatter matrix about the mean. */
bool fit_pairs(fit *out, const catalogue *ref, const catalogue *tgt, const pair_list *pairs)
{
    int32_t n = pairs->n;
    if (n < 3) {
        return false;
    }
    point mr = {0, 0}, mt = {0, 0};
    for (int32_t i = 0; i < n; i++) {
        point r = ref->star[pairs->ref[i]], t = tgt->star[pairs->tgt[i]];
        mr.x += r.x;
        mr.y += r.y;
        mt.x += t.x;
        mt.y += t.y;
    }
    mr = (point){mr.x / n, mr.y / n};
    mt = (point){mt.x / n, mt.y / n};
    double sxx = 0, sxy = 0, syy = 0, txx = 0, txy = 0, tyx = 0, tyy = 0;
    for (int32_t i = 0; i < n; i++) {
        point r = ref->star[pairs->ref[i]], t = tgt->star[pairs->tgt[i]];
        double rx = r.x - mr.x, ry = r.y - mr.y, tx = t.x - mt.x, ty = t.y - mt.y;
        sxx += rx * rx;
        sxy += rx * ry;
        syy += ry * ry;
        txx += tx * rx;
        txy += tx * ry;
        tyx += ty * rx;
        tyy += ty * ry;
    }
    double det = sxx * syy - sxy * sxy;
    if (!(det > 1e-12 * (sxx + syy) * (sxx + syy))) {
        return false; /* on a line */
    }
    out->ixx = syy / det;
    out->ixy = -sxy / det;
    out->iyy = sxx / det;
    affine m = {txx * out->ixx + txy * out->ixy, txx * out->ixy + txy * out->iyy, 0,
                tyx * out->ixx + tyy * out->ixy, tyx * out->ixy + tyy * out->iyy, 0};
    m.c = mt.x - m.a * mr.x - m.b * mr.y;
    m.f = mt.y - m.d * mr.x - m.e * mr.y;
    double sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += distance2(apply(&m, ref->star[pairs->ref[i]]), tgt->star[pairs->tgt[i]]);
    }
    out->map = m;
    out->n = n;
    out->mean = mr;
    out->rms = sqrt(sum / n);
    return true;
}

/* A shear of s has |q| / |p| = (s/2) / sqrt(1 + s^2/4) in z -> p z + q conj(z). */
double shear_ratio(double shear)
{
    return shear / sqrt(4 + shear * shear);
}

/* With z = x + iy an affine map is z -> p z + q conj(z) + r. Its principal scales are |p| +- |q|, so
 * |p|^2 - |q|^2 is the determinant, and a reflection has |q| > |p|. */
static void conformal_parts(const affine *m, double *p2, double *q2)
{
    *p2 = ((m->a + m->e) * (m->a + m->e) + (m->d - m->b) * (m->d - m->b)) / 4;
    *q2 = ((m->a - m->e) * (m->a - m->e) + (m->d + m->b) * (m->d + m->b)) / 4;
}

void map_shape(const affine *m, double *scale, double *ratio)
{
    double p2, q2;
    conformal_parts(m, &p2, &q2);
    *scale = sqrt(fabs(p2 - q2));
    *ratio = sqrt(fmin(p2, q2) / fmax(p2, q2));
}

bool map_is_plausible(const affine *m, const kdmatch_options *options, double slack)
{
    double p2, q2;
    conformal_parts(m, &p2, &q2);
    if (q2 > p2) {
        if (!options->allow_reflection) {
            return false;
        }
        double swap = p2;
        p2 = q2;
        q2 = swap;
    }
    double low = fmax(0.0, options->scale_min - slack), high = options->scale_max + slack;
    if (p2 - q2 < low * low || p2 - q2 > high * high) {
        return false;
    }
    double limit = shear_ratio(options->max_shear) * sqrt(p2) + slack;
    return q2 <= limit * limit;
}

/* Variance of the prediction at a reference position, in units of the variance of one position. */
static inline double leverage(const fit *f, point at)
{
    double dx = at.x - f->mean.x, dy = at.y - f->mean.y;
    return 1.0 / f->n + dx * dx * f->ixx + 2 * dx * dy * f->ixy + dy * dy * f->iyy;
}

static inline bool outside_target(const catalogue *tgt, point at, double radius)
{
    return at.x < tgt->low.x - radius || at.x > tgt->high.x + radius ||
           at.y < tgt->low.y - radius || at.y > tgt->high.y + radius;
}

bool verifier_screen(const verifier *v, const fit *start, const int32_t own[4])
{
    const catalogue *ref = v->ref, *tgt = v->tgt;
    const int32_t *near = ref->near_ids + (size_t)own[0] * (size_t)ref->n_near;
    double odds = 0, tolerance = v->options->tolerance;
    for (int32_t k = 0; k < ref->n_near; k++) {
        if (near[k] == own[1] || near[k] == own[2] || near[k] == own[3]) {
            continue; /* they agree by construction */
        }
        point at = ref->star[near[k]];
        double radius = tolerance * sqrt(1 + leverage(start, at));
        if (radius > v->max_radius) {
            continue;
        }
        point to = apply(&start->map, at);
        if (outside_target(tgt, to, radius)) {
            continue;
        }
        double d2 = radius * radius;
        double by_chance = fmin(0.9 * v->expected + 0.1, v->density * KDM_PI * d2);
        if (kdtree_nearest(&tgt->tree, to, &d2) >= 0) {
            odds += log(v->expected / by_chance);
        } else {
            odds += log((1 - v->expected) / (1 - by_chance));
        }
        if (odds < SCREEN_DROP) {
            return false;
        }
        if (odds > SCREEN_KEEP) {
            return true;
        }
    }
    return odds > 0;
}

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

/* One-to-one pairs of the trial stars under a map: each takes its nearest target star, of two that
 * take the same one the nearer keeps it, at equal distance the first. `widening` scales the radius,
 * which follows the error of prediction where `grow` is set. Returns how many were looked at. */
static int32_t collect(verifier *v, const fit *f, int32_t n_trial, double widening, bool grow)
{
    pair_list *out = &v->next;
    int32_t seen = 0, kept = 0;
    double tolerance = v->options->tolerance * widening;
    out->n = 0;
    for (int32_t k = 0; k < n_trial; k++) {
        int32_t i = v->trial[k];
        point at = v->ref->star[i];
        double d2 = tolerance * tolerance * (grow ? 1 + leverage(f, at) : 1.0);
        if (grow && d2 > v->max_radius * v->max_radius) {
            continue;
        }
        point to = apply(&f->map, at);
        if (outside_target(v->tgt, to, sqrt(d2))) {
            continue;
        }
        seen++;
        int32_t j = kdtree_nearest(&v->tgt->tree, to, &d2);
        if (j < 0 || (v->owner[j] >= 0 && v->owner_d2[j] <= d2)) {
            continue;
        }
        if (v->owner[j] >= 0) {
            out->ref[v->owner[j]] = -1; /* beaten: struck out below */
        }
        v->owner[j] = out->n;
        v->owner_d2[j] = d2;
        out->ref[out->n] = i;
        out->tgt[out->n++] = j;
    }
    for (int32_t k = 0; k < out->n; k++) {
        v->owner[out->tgt[k]] = -1;
        if (out->ref[k] >= 0) {
            out->ref[kept] = out->ref[k];
            out->tgt[kept++] = out->tgt[k];
        }
    }
    out->n = kept;
    return seen;
}

static bool same_pairs(const pair_list *a, const pair_list *b)
{
    size_t size = (size_t)a->n * sizeof *a->ref;
    return a->n == b->n && memcmp(a->ref, b->ref, size) == 0 && memcmp(a->tgt, b->tgt, size) == 0;
}

static void take_next(verifier *v)
{
    pair_list swap = v->now;
    v->now = v->next;
    v->next = swap;
}

/* Spread from where the map is known: the radius of search follows the error of prediction, so a
 * small quadrilateral is not asked to predict the far side of the field. */
static bool spread(verifier *v, fit *f)
{
    v->now.n = 0;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        int32_t n_trial = within_reach(v, f);
        int32_t seen = collect(v, f, n_trial, 1.0, true);
        if (v->next.n < KDMATCH_MIN_PAIRS || v->next.n < 0.5 * v->expected * seen) {
            return false;
        }
        if (same_pairs(&v->now, &v->next)) {
            return true;
        }
        take_next(v);
        if (!fit_pairs(f, v->ref, v->tgt, &v->now)) {
            return false;
        }
    }
    return true;
}

/* Refit on all pairs within the tolerance until they stay the same. Starting from twice the
 * tolerance makes neighbouring starts end in the same place. Should the set ever come back to an
 * earlier one without resting, the rounds end the loop, the same way for the same start. */
static bool refine(verifier *v, fit *f)
{
    double widening = 2.0;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        for (int32_t i = 0; i < v->ref->n; i++) {
            v->trial[i] = i;
        }
        collect(v, f, v->ref->n, widening, false);
        if (v->next.n < KDMATCH_MIN_PAIRS) {
            return false;
        }
        bool rest = widening <= 1.0 && same_pairs(&v->now, &v->next);
        take_next(v);
        if (!fit_pairs(f, v->ref, v->tgt, &v->now)) {
            return false;
        }
        if (rest) {
            return true;
        }
        widening = 1.0;
    }
    return true;
}

bool verifier_grow(verifier *v, const fit *start, fit *out)
{
    *out = *start;
    return spread(v, out) && refine(v, out);
}
