/* The public calls: check the arguments, open both catalogues, put them in order, search, decide. */
#include "kdmatch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* One order of the two lists, whichever was named first: the shorter is searched for in the longer, of
 * equally long ones the first by position. So match(a, b) and match(b, a) are one search. */
static bool in_order(const catalogue *first, const catalogue *second)
{
    if (first->n != second->n) {
        return first->n < second->n;
    }
    for (int32_t i = 0; i < first->n; i++) {
        point p = first->star[i], q = second->star[i];
        if (p.x != q.x || p.y != q.y) {
            return p.x != q.x ? p.x < q.x : p.y < q.y;
        }
    }
    return true;
}

/* A search of one list's quadrilaterals among those of the other, and what it needs. */
typedef struct {
    kdmatch_options options;
    verifier v;
    answer best;
    bool swapped; /* the caller's target is the verifier's reference */
} attempt;

static void attempt_close(attempt *a)
{
    pairs_close(&a->best.pairs);
    verifier_close(&a->v);
}

static kdmatch_status attempt_run(attempt *a, const catalogue *ref, const catalogue *tgt,
                                  kdmatch_result *result)
{
    if (!verifier_open(&a->v, ref, tgt, &a->options) || !pairs_open(&a->best.pairs, ref->n)) {
        return KDMATCH_NO_MEMORY;
    }
    kdmatch_status status = search_best(&a->v, result, &a->best);
    result->n_work += a->v.work;
    if (a->swapped) {
        int64_t quads = result->n_reference_quads;
        result->n_reference_quads = result->n_target_quads;
        result->n_target_quads = quads;
    }
    return status;
}

static bool believed(const attempt *a)
{
    return a->best.found && a->best.chance < log10(a->options.max_false_alarm);
}

/* Of long lists only quadrilaterals of neighbours are looked up. Where noise is not small beside the
 * distance of stars such a search may miss what that of the other list finds: each has half of the budget. */
static kdmatch_status search_and_decide(const catalogue *ref, const catalogue *tgt,
                                        const kdmatch_options *options, bool swapped,
                                        kdmatch_result *result, int64_t *pairs)
{
    attempt one = {.options = *options, .swapped = swapped};
    attempt other = {.options = options_turned(options), .swapped = !swapped};
    const attempt *chosen = &one;
    bool both = !search_is_exhaustive(ref, tgt);
    one.options.max_work -= both ? options->max_work / 2 : 0;
    kdmatch_status status = attempt_run(&one, ref, tgt, result);
    if (status == KDMATCH_OK && both && !believed(&one) && options->max_work > one.v.work) {
        other.options.max_work = options->max_work - one.v.work;
        status = attempt_run(&other, tgt, ref, result);
        other.v.exhausted = one.v.exhausted = one.v.exhausted || other.v.exhausted;
        if (other.best.found && (!one.best.found || other.best.chance < one.best.chance)) {
            chosen = &other;
        }
    }
    if (status == KDMATCH_OK) {
        status = decide(&chosen->v, &chosen->best, chosen->swapped, result, pairs);
    }
    attempt_close(&one);
    attempt_close(&other);
    return status;
}

static kdmatch_status match_catalogues(const catalogue *ref, const catalogue *tgt,
                                       const kdmatch_options *options, bool swapped,
                                       kdmatch_result *result, int64_t *pairs)
{
    result->n_reference = swapped ? tgt->n : ref->n;
    result->n_target = swapped ? ref->n : tgt->n;
    if (ref->n < KDMATCH_MIN_PAIRS || tgt->n < KDMATCH_MIN_PAIRS) {
        result->reason = KDMATCH_REASON_TOO_FEW;
        return KDMATCH_NO_MATCH;
    }
    if (!(ref->area > 0) || !(tgt->area > 0)) {
        result->reason = KDMATCH_REASON_COLLINEAR;
        return KDMATCH_NO_MATCH;
    }
    return search_and_decide(ref, tgt, options, swapped, result, pairs);
}

static bool options_are_valid(const kdmatch_options *o)
{
    bool limits = o->tolerance > 0 && o->tolerance <= KDMATCH_MAX_COORDINATE && o->scale_min > 0 &&
                  o->scale_max >= o->scale_min && o->scale_max <= 1e6 && o->max_shear >= 0 &&
                  o->max_shear <= 1;
    bool decision = o->max_false_alarm > 0 && o->max_false_alarm < 1 && o->max_candidates > 0 &&
                    o->max_work > 0 && o->max_field_error > 0;
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
        if (in_order(&ref, &tgt)) {
            status = match_catalogues(&ref, &tgt, options, false, result, pairs);
        } else {
            kdmatch_options turned = options_turned(options);
            status = match_catalogues(&tgt, &ref, &turned, true, result, pairs);
        }
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
