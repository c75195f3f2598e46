/* How often would unrelated catalogues look like this? The model is a contrario (Moisan & Stival
 * 2004, IJCV 57, 201), with a count of hypotheses that knows the limits on the map:
 *
 * Null: target stars are independent of the reference. Every affine map is tested that takes three
 * reference stars exactly to three target stars and lies inside the limits on scale and shear. The
 * expected number of such maps is at most
 *
 *     tests = m (m-1) (m-2) V sum(4 |T|^2) / A^2 = m (m-1) (m-2) V det(X'X) / A^2
 *
 * where m stars fill the target's field of area A, T runs over the reference triangles (Cauchy-Binet
 * turns their sum into the determinant of the moments of X = [1 x y]) and V is the volume of the
 * permitted linear parts in the space of 2 x 2 matrices: a triangle T has 4 |T|^2 V of the pairs of
 * target sides to itself, and sides have a density of at most 1/A each.
 *
 * For each such map the other n-3 reference stars meet a target star within r with probability
 * p = density pi r^2. The chance that k-3 or more of them do is bounded by Hoeffding's exp(-(n-3)
 * KL((k-3)/(n-3), p)); r, k and the triangle may be chosen after the fact because every triangle is
 * counted in `tests` and every k in a factor n-3 (r is the largest residual of the k).
 */
#include <math.h>

#include "internal.h"

/* Triangles among the pairs that are tried as the exact one. All of them for few pairs. */
enum { MAX_TRIANGLE_PAIRS = 16, LOCAL = 8 };

/* Volume of {z -> p z + q conj z : scale in [low, high], |q| <= ratio |p|} in the space of a, b, d, e.
 * There da db dd de = 4 d2p d2q = 16 pi^2 |p|^3 t d|p| dt with |q| = t |p|; the scale is
 * |p| sqrt(1 - t^2), so |p|^4 runs over (high^4 - low^4) / (1 - t^2)^2 and t over [0, ratio]. */
static double linear_volume(double low, double high, double ratio, bool reflection)
{
    double t2 = fmin(ratio * ratio, 0.99);
    double powers = high * high * high * high - low * low * low * low;
    double volume = 2 * KDM_PI * KDM_PI * powers * t2 / (1 - t2);
    return reflection ? 2 * volume : volume;
}

/* Maps near a similarity are more credible than those at the limit of shear, and each scale as much as
 * any other. So the tests are shared out over classes, half octaves of scale times shear limits of
 * 1, 1/2, 1/4 and 1/8 of the greatest, and each class may spend an equal part of the false alarms. */
enum { SHEAR_CLASSES = 4 };

static double scale_classes(const kdmatch_options *o)
{
    return fmax(1.0, ceil(2 * log2(o->scale_max / o->scale_min) - 1e-9));
}

static double log_tests(const verifier *v, const affine *map)
{
    const kdmatch_options *o = v->options;
    double scale, ratio, classes = scale_classes(o);
    map_shape(map, &scale, &ratio);
    double step = log(o->scale_max / o->scale_min) / classes;
    double place = step > 0 ? floor(log(scale / o->scale_min) / step) : 0;
    place = fmin(fmax(place, 0), classes - 1);
    /* Noise may carry an exact map a little beyond the limits: then count the tests up to there. */
    double low = fmin(scale, o->scale_min * exp(place * step));
    double high = fmax(scale, o->scale_min * exp((place + 1) * step));
    double limit = shear_ratio(o->max_shear);
    for (int i = 1; i < SHEAR_CLASSES && ratio <= limit / 2; i++) {
        limit /= 2;
    }
    double volume = linear_volume(low, high, fmax(ratio, limit), o->allow_reflection);
    double n = v->ref->n, m = v->tgt->n;
    double triples = log(m * (m - 1) * (m - 2));
    double by_volume = triples + log(volume * v->moments) - 2 * log(v->tgt->area);
    double all = triples + log(n * (n - 1) * (n - 2) / 6);
    return fmin(by_volume, all) + log(classes * SHEAR_CLASSES);
}

/* log of Hoeffding's bound on P(X >= k) for X binomial (n, p); exact at k = n. */
static double log_tail(double n, double k, double p)
{
    double share = k / n;
    if (k <= 0 || share <= p) {
        return 0;
    }
    double value = k * log(p / share);
    if (k < n) {
        value += (n - k) * log((1 - p) / (1 - share));
    }
    return value;
}

/* Mean over the reference stars of the target's density where they land: the overall one, or that of
 * the nearest stars where it is higher, so that clusters do not pass for coincidence. Of binomial
 * trials with unequal p those with the mean p have the heavier tail (Hoeffding 1956). */
static double mean_density(const verifier *v, const affine *map)
{
    int32_t ids[LOCAL], k = v->tgt->n >= 2 * LOCAL ? LOCAL : 0;
    double d2s[LOCAL], sum = 0;
    for (int32_t i = 0; i < v->ref->n; i++) {
        double local = 0;
        if (k > 0) {
            kdtree_knn(&v->tgt->tree, apply(map, v->ref->star[i]), k, ids, d2s);
            local = (k - 1) / (KDM_PI * d2s[k - 1]);
        }
        sum += fmax(v->density, local);
    }
    return sum / v->ref->n;
}

/* The exact map of one triangle of pairs: its largest residual over all others. */
typedef struct {
    double radius;
    affine map;
} exact_map;

static exact_map through(const verifier *v, const pair_list *pairs, const int32_t corner[3])
{
    int32_t ref[3], tgt[3];
    fit exact;
    for (int i = 0; i < 3; i++) {
        ref[i] = pairs->ref[corner[i]];
        tgt[i] = pairs->tgt[corner[i]];
    }
    if (!fit_pairs(&exact, v->ref, v->tgt, &(pair_list){3, ref, tgt})) {
        return (exact_map){.radius = INFINITY};
    }
    double worst = 0;
    for (int32_t i = 0; i < pairs->n; i++) {
        double d2 = distance2(apply(&exact.map, v->ref->star[pairs->ref[i]]),
                              v->tgt->star[pairs->tgt[i]]);
        if (i != corner[0] && i != corner[1] && i != corner[2]) {
            worst = fmax(worst, d2);
        }
    }
    return (exact_map){sqrt(worst), exact.map};
}

/* Corners of a large triangle: a farthest point, the farthest from it, the farthest from their line. */
static void large_triangle(const verifier *v, const pair_list *pairs, const fit *found,
                           int32_t corner[3])
{
    point a = found->mean, b = a;
    for (int step = 0; step < 3; step++) {
        double best = -1;
        for (int32_t i = 0; i < pairs->n; i++) {
            point p = v->ref->star[pairs->ref[i]];
            double value = step < 2 ? distance2(p, a) : fabs(area2(a, b, p));
            if (value > best) {
                best = value;
                corner[step] = i;
            }
        }
        b = a;
        a = v->ref->star[pairs->ref[corner[step]]];
    }
}

static exact_map best_triangle(const verifier *v, const fit *found, const pair_list *pairs)
{
    int32_t c[3] = {0, 0, 0};
    if (pairs->n > MAX_TRIANGLE_PAIRS) {
        large_triangle(v, pairs, found, c);
        return through(v, pairs, c);
    }
    exact_map best = {.radius = INFINITY};
    for (c[0] = 0; c[0] < pairs->n; c[0]++) {
        for (c[1] = c[0] + 1; c[1] < pairs->n; c[1]++) {
            for (c[2] = c[1] + 1; c[2] < pairs->n; c[2]++) {
                exact_map one = through(v, pairs, c);
                if (one.radius < best.radius) {
                    best = one;
                }
            }
        }
    }
    return best;
}

static double log_false_alarm(const verifier *v, double k, double radius, double density,
                              double tests)
{
    double others = v->ref->n - 3.0;
    double p = fmin(1.0, density * KDM_PI * radius * radius);
    return fmin(0.0, tests + log(others) + log_tail(others, k - 3, p));
}

double chance_log10(const verifier *v, const fit *found, const pair_list *pairs)
{
    const kdmatch_options *o = v->options;
    if (pairs->n < KDMATCH_MIN_PAIRS || v->ref->n < KDMATCH_MIN_PAIRS) {
        return 0;
    }
    exact_map exact = best_triangle(v, found, pairs);
    /* Rounding of coordinates to a grid can make residuals vanish by chance: no smaller radius than a
     * hundredth of the tolerance is credited. */
    double radius = fmax(0.01 * o->tolerance, exact.radius);
    double tests = log_tests(v, &exact.map);
    double density = mean_density(v, &found->map);
    return KDM_LOG10_E * log_false_alarm(v, pairs->n, radius, density, tests);
}

double chance_of_either(double forward, double backward)
{
    return fmin(0.0, fmin(forward, backward) + log10(2));
}

static bool enough(const verifier *v, int32_t k)
{
    const kdmatch_options *o = v->options;
    double scale = sqrt(o->scale_min * o->scale_max);
    affine unsheared = {scale, 0, 0, 0, scale, 0};
    double chance = log_false_alarm(v, k, o->tolerance, v->density, log_tests(v, &unsheared));
    return chance + log(2) < log(o->max_false_alarm);
}

int64_t chance_needed(const verifier *forward, const verifier *backward)
{
    int32_t most = forward->ref->n < forward->tgt->n ? forward->ref->n : forward->tgt->n;
    for (int32_t k = KDMATCH_MIN_PAIRS; k <= most; k++) {
        if (enough(forward, k) || enough(backward, k)) {
            return k;
        }
    }
    return 0;
}
