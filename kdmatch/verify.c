/* Is there something in a hypothesis? Its neighbours are screened; its pairs are collected. */
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
enum { WORK_NEAREST = 6 }; /* of one look-up in the tree */
enum { LOCAL = 6 }; /* neighbours that tell the local density */

bool pairs_open(pair_list *list, int32_t capacity)
{
    list->n = 0;
    list->ref = malloc((size_t)capacity * sizeof *list->ref);
    list->tgt = malloc((size_t)capacity * sizeof *list->tgt);
    return list->ref && list->tgt;
}

void pairs_close(pair_list *list)
{
    free(list->ref);
    free(list->tgt);
}

/* Density of the target about one of its stars, from the distance to its LOCAL-th neighbour; nowhere
 * less than the overall one. */
static double density_around(const verifier *v, int32_t star)
{
    const catalogue *tgt = v->tgt;
    if (tgt->n_near < LOCAL) {
        return v->density;
    }
    int32_t far = tgt->near_ids[(size_t)star * (size_t)tgt->n_near + LOCAL - 1];
    return fmax(v->density, LOCAL / (KDM_PI * distance2(tgt->star[star], tgt->star[far])));
}

bool verifier_open(verifier *v, const catalogue *ref, const catalogue *tgt,
                   const kdmatch_options *options)
{
    memset(v, 0, sizeof *v);
    v->ref = ref;
    v->tgt = tgt;
    v->options = options;
    v->density = tgt->n / tgt->area;
    v->max_radius = fmax(options->tolerance, sqrt(MAX_COINCIDENCE / (KDM_PI * v->density)));
    v->expected = EXPECTED_SHARE * fmin(1.0, (double)tgt->n / ref->n);
    v->moments = triangle_moments(ref);
    v->local_density = malloc((size_t)tgt->n * sizeof *v->local_density);
    v->owner = malloc((size_t)tgt->n * sizeof *v->owner);
    v->owner_d2 = malloc((size_t)tgt->n * sizeof *v->owner_d2);
    v->member = calloc((size_t)ref->n, sizeof *v->member);
    v->trial = malloc((size_t)ref->n * sizeof *v->trial);
    bool lists = pairs_open(&v->now, ref->n);
    lists = pairs_open(&v->next, ref->n) && lists;
    if (!v->local_density || !v->owner || !v->owner_d2 || !v->member || !v->trial || !lists) {
        verifier_close(v);
        return false;
    }
    for (int32_t j = 0; j < tgt->n; j++) {
        v->owner[j] = -1;
        v->local_density[j] = density_around(v, j);
    }
    return true;
}

void verifier_close(verifier *v)
{
    free(v->local_density);
    free(v->owner);
    free(v->owner_d2);
    free(v->member);
    free(v->trial);
    pairs_close(&v->now);
    pairs_close(&v->next);
    memset(v, 0, sizeof *v);
}

static inline bool outside_target(const catalogue *tgt, point at, double radius)
{
    return at.x < tgt->low.x - radius || at.x > tgt->high.x + radius ||
           at.y < tgt->low.y - radius || at.y > tgt->high.y + radius;
}

bool verifier_screen(verifier *v, const fit *start, const int32_t own[4])
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
        double d2 = 4 * v->max_radius * v->max_radius;
        v->work += WORK_NEAREST;
        int32_t nearest = kdtree_nearest(&tgt->tree, to, &d2);
        double density = nearest >= 0 ? v->local_density[nearest] : v->density;
        double by_chance = 1 - exp(-density * KDM_PI * radius * radius);
        if (by_chance >= v->expected) {
            continue; /* a partner here would say nothing */
        }
        if (d2 <= radius * radius && nearest >= 0) {
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

/* Squared radius of search at a star of leverage h. A star outside the fit is predicted with variance
 * 1 + h, the residual of one inside has variance 1 - h: at a corner of the field one wrong pair can
 * turn the map to itself and leave a small residual, but not one small beside what it should be. Both
 * say the same: agree with the map of the others within `tolerance` standard units. */
static inline double radius2(const verifier *v, const fit *f, int32_t star, double tolerance)
{
    double h = leverage(f, v->ref->star[star]);
    return tolerance * tolerance * (v->member[star] ? fmax(0.0, 1 - h) : 1 + h);
}

/* One-to-one pairs of the trial stars under a map into v->next: each takes its nearest target star, of
 * two that take the same one the nearer keeps it, at equal distance the first. Stars whose radius of
 * search exceeds `reach` are left alone. Returns how many were looked at. */
int32_t verifier_collect(verifier *v, const fit *f, int32_t n_trial, double tolerance, double reach)
{
    pair_list *out = &v->next;
    int32_t seen = 0, kept = 0;
    for (int32_t k = 0; k < v->now.n; k++) {
        v->member[v->now.ref[k]] = 1;
    }
    out->n = 0;
    v->work += n_trial;
    for (int32_t k = 0; k < n_trial; k++) {
        int32_t i = v->trial[k];
        double d2 = radius2(v, f, i, tolerance);
        point to = apply(&f->map, v->ref->star[i]);
        if (d2 > reach * reach || outside_target(v->tgt, to, sqrt(d2))) {
            continue;
        }
        seen++;
        v->work += WORK_NEAREST;
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
    for (int32_t k = 0; k < v->now.n; k++) {
        v->member[v->now.ref[k]] = 0;
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

bool same_pairs(const pair_list *a, const pair_list *b)
{
    size_t size = (size_t)a->n * sizeof *a->ref;
    return a->n == b->n && memcmp(a->ref, b->ref, size) == 0 && memcmp(a->tgt, b->tgt, size) == 0;
}

void verifier_take_next(verifier *v)
{
    pair_list swap = v->now;
    v->now = v->next;
    v->next = swap;
}
