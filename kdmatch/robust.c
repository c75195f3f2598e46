/* A centre that does not depend on the start.
 *
 * "Refit on all pairs within the tolerance until they stay the same" has several resting places where
 * stars lie at the very edge of the tolerance, and which one is reached depends on the hypothesis that
 * came first. Weights that fall smoothly to zero (Tukey's biweight) have one: from any start nearby the
 * fit converges to the same map, to rounding, and the pairs are then chosen anew from there.
 */
#include <math.h>

#include "internal.h"

/* Where the weight reaches zero, in tolerances: wide enough for all starts, narrow beside the stars'
 * distances. */
static const double CUTOFF = 3;
/* The map rests when no corner of the field moves more than this part of the tolerance. */
static const double REST = 1e-11;
enum {
    MAX_ITERATIONS = 200,
    MAX_CROWD = 32 /* target stars in reach of one of the reference, on average: bounds the work */
};

/* Weighted sums over pairs within the cutoff. Positions run about a fixed point near the mean, so that
 * rounding is that of the field and not of an offset. */
typedef struct {
    const verifier *v;
    double cutoff2;
    point at, where; /* the reference star about the fixed point, and where the map takes it */
    int64_t used, limit;
    double s, sx, sy, sxx, sxy, syy;
    double u, ux, uy, z, zx, zy; /* (u, z): from there to the target star */
} sums;

static bool add(void *context, int32_t j)
{
    sums *q = context;
    point t = q->v->tgt->star[j];
    double d2 = distance2(t, q->where);
    if (d2 < q->cutoff2) {
        double root = 1 - d2 / q->cutoff2, w = root * root;
        double x = q->at.x, y = q->at.y, wu = w * (t.x - q->where.x), wz = w * (t.y - q->where.y);
        q->used++;
        q->s += w;
        q->sx += w * x;
        q->sy += w * y;
        q->sxx += w * x * x;
        q->sxy += w * x * y;
        q->syy += w * y * y;
        q->u += wu;
        q->ux += wu * x;
        q->uy += wu * y;
        q->z += wz;
        q->zx += wz * x;
        q->zy += wz * y;
    }
    return q->used <= q->limit;
}

/* One step of weighted least squares on all target stars in reach: taking the nearest alone would be
 * another source of several resting places. */
static bool step(const verifier *v, const fit *from, fit *to)
{
    double cutoff = CUTOFF * v->options->tolerance;
    point o = from->mean;
    sums q = {.v = v, .cutoff2 = cutoff * cutoff, .limit = (int64_t)MAX_CROWD * v->ref->n};
    for (int32_t i = 0; i < v->ref->n; i++) {
        q.at = (point){v->ref->star[i].x - o.x, v->ref->star[i].y - o.y};
        q.where = apply(&from->map, v->ref->star[i]);
        if (!kdtree_box(&v->tgt->tree, q.where, (point){cutoff, cutoff}, add, &q)) {
            return false;
        }
    }
    if (q.used < KDMATCH_MIN_PAIRS || !(q.s > 0)) {
        return false;
    }
    double mx = q.sx / q.s, my = q.sy / q.s;
    double xx = q.sxx - q.sx * mx, xy = q.sxy - q.sx * my, yy = q.syy - q.sy * my;
    double det = xx * yy - xy * xy;
    if (!(det > 1e-12 * (xx + yy) * (xx + yy))) {
        return false;
    }
    double ux = q.ux - q.u * mx, uy = q.uy - q.u * my, zx = q.zx - q.z * mx, zy = q.zy - q.z * my;
    affine m = from->map, d = {(ux * yy - uy * xy) / det, (uy * xx - ux * xy) / det, 0,
                               (zx * yy - zy * xy) / det, (zy * xx - zx * xy) / det, 0};
    d.c = q.u / q.s - d.a * (mx + o.x) - d.b * (my + o.y);
    d.f = q.z / q.s - d.d * (mx + o.x) - d.e * (my + o.y);
    *to = (fit){.map = {m.a + d.a, m.b + d.b, m.c + d.c, m.d + d.d, m.e + d.e, m.f + d.f},
                .n = (int32_t)q.used,
                .mean = {o.x + mx, o.y + my},
                .ixx = yy / det,
                .ixy = -xy / det,
                .iyy = xx / det,
                .tolerance = from->tolerance};
    return true;
}

static double greatest_move(const catalogue *ref, const affine *a, const affine *b)
{
    point corner[4] = {ref->low, {ref->low.x, ref->high.y}, {ref->high.x, ref->low.y}, ref->high};
    double worst = 0;
    for (int i = 0; i < 4; i++) {
        worst = fmax(worst, distance2(apply(a, corner[i]), apply(b, corner[i])));
    }
    return sqrt(worst);
}

bool robust_centre(verifier *v, fit *f)
{
    for (int i = 0; i < MAX_ITERATIONS; i++) {
        fit next;
        if (!step(v, f, &next)) {
            return false;
        }
        double moved = greatest_move(v->ref, &f->map, &next.map);
        *f = next;
        if (moved < REST * v->options->tolerance) {
            return true;
        }
    }
    return false;
}
