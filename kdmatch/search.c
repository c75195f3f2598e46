/* The search: quadrilaterals of the target, the most telling first, look up those of the reference
 * with the same invariants in a k-d tree; each such pair is a hypothesis that the rest of the
 * catalogues confirms or not. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum {
    RIVAL_QUADS = 300,     /* of a catalogue; at least ten around each star */
    FEW_QUADS = 2000,      /* of a catalogue: a first try, all of them up to 16 stars */
    MAX_QUADS = 32000,     /* then all of them up to 30 stars */
    MAX_ANCHORS = 200000,  /* stars of the target around which quadrilaterals are formed */
    MIN_RIVAL_CANDIDATES = 1000,
    FEW_LOST = 8, /* one pair in so many may be lost by it */
    WORK_CANDIDATE = 8,
    WORK_LOOK_UP = 30
};
/* A map this far below max_false_alarm ends the search; a weaker one waits for a better to come. */
static const double LOG10_CERTAIN = -4.0;
/* An inverted triangle of height h turns position errors into errors of the linear part of tolerance
 * over h; this many of them are granted at the limits. */
static const double LIMIT_SLACK = 0.7;

typedef struct {
    const kdmatch_options *options;
    const catalogue *ref, *tgt;
    kdmatch_result *result;
    quad_list ref_quads, tgt_quads;
    double *ref_height; /* per reference quadrilateral: smallest height of A B C */
    kdtree tree;       /* over their invariants, the clockwise ones shifted */
    verifier *verifier;
    answer *best;
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
    size_t capacity = (size_t)(s->ref_quads.n > 0 ? s->ref_quads.n : 1);
    point *uv = malloc(capacity * sizeof *uv);
    s->ref_height = malloc(capacity * sizeof *s->ref_height);
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

/* Two answers are one and the same if they share more than half of the pairs of the smaller. */
static bool same_answer(const pair_list *one, const pair_list *other)
{
    int32_t i = 0, j = 0, shared = 0;
    while (i < one->n && j < other->n) {
        if (one->ref[i] < other->ref[j]) {
            i++;
        } else if (one->ref[i] > other->ref[j]) {
            j++;
        } else {
            shared += one->tgt[i++] == other->tgt[j++];
        }
    }
    return 2 * shared > (one->n < other->n ? one->n : other->n);
}

static bool convincing(const search *s)
{
    return s->best->found &&
           s->best->chance < log10(s->options->max_false_alarm) + LOG10_CERTAIN;
}

static void copy_pairs(pair_list *to, const pair_list *from)
{
    to->n = from->n;
    memcpy(to->ref, from->ref, (size_t)from->n * sizeof *from->ref);
    memcpy(to->tgt, from->tgt, (size_t)from->n * sizeof *from->tgt);
}

/* Of two versions of one answer the one with more pairs is kept, then the less probable by chance; of
 * different answers the less probable, and the other one may be a rival. */
static void keep(search *s, const fit *found, double chance)
{
    pair_list *now = &s->verifier->now;
    if (now->n > s->result->best_pairs) {
        s->result->best_pairs = now->n;
    }
    if (s->best->found) {
        bool same = same_answer(now, &s->best->pairs);
        bool more = same && now->n != s->best->pairs.n ? now->n > s->best->pairs.n
                                                      : chance < s->best->chance;
        int32_t loser = more ? s->best->pairs.n : now->n;
        if (!same && fmax(chance, s->best->chance) < log10(s->options->max_false_alarm) &&
            loser > s->best->rival_pairs) {
            s->best->rival_pairs = loser;
        }
        if (!more) {
            return;
        }
    }
    s->best->fit = *found;
    s->best->chance = chance;
    s->best->found = true;
    copy_pairs(&s->best->pairs, now);
}

/* The best answer once more, from a start that does not know which hypothesis led to it. */
static void forget_the_start(search *s)
{
    verifier *v = s->verifier;
    fit again = s->best->fit;
    v->now.n = 0;
    if (s->best->found && robust_centre(v, &again) && verifier_refine(v, &again) &&
        v->now.n >= s->best->pairs.n - s->best->pairs.n / FEW_LOST &&
        same_answer(&v->now, &s->best->pairs)) {
        s->best->fit = again;
        copy_pairs(&s->best->pairs, &v->now);
        s->best->chance = chance_log10(v, &again, &v->now);
        s->result->best_pairs =
            v->now.n > s->result->best_pairs ? v->now.n : s->result->best_pairs;
    }
}

/* The hypothesis adds nothing when the best map already takes its four stars there. */
static bool known(const search *s, const point r[4])
{
    double limit = 2 * s->options->tolerance;
    for (int i = 0; s->best->found && i < 4; i++) {
        if (distance2(apply(&s->best->fit.map, r[i]), s->corner[i]) > limit * limit) {
            return false;
        }
    }
    return s->best->found;
}

/* Verify a start on the whole catalogues. */
static void confirm(search *s, const fit *start, const int32_t own[4])
{
    if (!verifier_screen(s->verifier, start, own)) {
        return;
    }
    s->result->n_verified++;
    fit found;
    if (verifier_grow(s->verifier, start, &found)) {
        /* Over the whole catalogue the linear part is known to tolerance over the field's size. */
        double slack = s->options->tolerance * sqrt(found.ixx + found.iyy);
        if (map_is_plausible(&found.map, s->options, slack)) {
            keep(s, &found, chance_log10(s->verifier, &found, &s->verifier->now));
        }
    }
}

static bool used_up(search *s)
{
    verifier *v = s->verifier;
    v->exhausted = v->exhausted || s->result->n_candidates >= s->options->max_candidates ||
                   v->work >= s->options->max_work;
    return v->exhausted;
}

static bool try_start(void *context, const fit *start, const int32_t own[4])
{
    search *s = context;
    s->result->n_plausible++;
    confirm(s, start, own);
    return !convincing(s) && !used_up(s);
}

static bool candidate(void *context, int32_t id)
{
    search *s = context;
    kdmatch_result *result = s->result;
    if (used_up(s) ||
        (convincing(s) && result->n_candidates >= MIN_RIVAL_CANDIDATES)) {
        return false;
    }
    result->n_candidates++;
    s->verifier->work += WORK_CANDIDATE;
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
    affine map = fit_through_four(r, t, miss, w);
    double slack = LIMIT_SLACK * s->options->tolerance / s->ref_height[id];
    if (!map_is_plausible(&map, s->options, slack)) {
        return true;
    }
    result->n_plausible++;
    if (result->best_pairs < KDMATCH_MIN_PAIRS) {
        result->best_pairs = KDMATCH_MIN_PAIRS;
    }
    if (known(s, r)) {
        return true;
    }
    fit start;
    fit_from_four(&start, &map, r);
    confirm(s, &start, q->star);
    return true;
}

/* ---- all of them --------------------------------------------------------------------------- */

static bool look_up(search *s, const labelling *l, const point p[4], bool clockwise)
{
    for (int i = 0; i < 4; i++) {
        s->corner[i] = p[l->order[i]];
    }
    s->slip = l->slip;
    s->verifier->work += WORK_LOOK_UP;
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
        if (used_up(s)) {
            return;
        }
        for (int32_t k = 0; k < n; k++) {
            if (!look_up(s, &l[k], p, l[k].clockwise) ||
                (s->options->allow_reflection && !look_up(s, &l[k], p, !l[k].clockwise))) {
                return;
            }
        }
    }
}

static void forget_quads(search *s)
{
    free(s->ref_height);
    s->ref_height = NULL;
    kdtree_free(&s->tree);
    quads_free(&s->ref_quads);
    quads_free(&s->tgt_quads);
}

static kdmatch_status stage(search *s, int32_t max_quads)
{
    forget_quads(s);
    kdmatch_status status = order_target(s, max_quads, MAX_ANCHORS);
    if (status != KDMATCH_OK) {
        return status;
    }
    /* The number of look-ups times the entries they search is what costs time. */
    int64_t share = (int64_t)MAX_QUADS * MAX_QUADS / (s->tgt_quads.n > 0 ? s->tgt_quads.n : 1);
    int32_t most = (int32_t)(share < FEW_QUADS ? FEW_QUADS : share < max_quads ? share : max_quads);
    status = index_reference(s, most, share < max_quads ? most / 10 : MAX_ANCHORS);
    if (status == KDMATCH_OK) {
        s->result->n_target_quads = s->tgt_quads.n;
        s->result->n_reference_quads = s->ref_quads.n;
        sweep(s);
    }
    return status;
}

/* The few first, then the many. When a prior has found the answer some are asked all the same, for
 * rivals: what is ambiguous without it stays so. */
static kdmatch_status run(search *s)
{
    if (s->options->has_prior) {
        prior_starts(s->verifier, try_start, s);
    }
    kdmatch_status status = stage(s, convincing(s) ? RIVAL_QUADS : FEW_QUADS);
    bool all = quads_are_all(s->ref, FEW_QUADS) && quads_are_all(s->tgt, FEW_QUADS);
    if (status == KDMATCH_OK && !all && !convincing(s) && !used_up(s)) {
        status = stage(s, MAX_QUADS);
    }
    if (status == KDMATCH_OK) {
        forget_the_start(s);
    }
    return status;
}

bool search_is_exhaustive(const catalogue *one, const catalogue *other)
{
    return quads_are_all(one, MAX_QUADS) && quads_are_all(other, MAX_QUADS);
}

kdmatch_status search_best(verifier *v, kdmatch_result *result, answer *best)
{
    search s = {.options = v->options, .ref = v->ref, .tgt = v->tgt, .result = result,
                .verifier = v, .best = best};
    kdmatch_status status = run(&s);
    forget_quads(&s);
    return status;
}
