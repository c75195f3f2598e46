/* The least-squares affine map through pairs, its shape and its errors. */
#include <math.h>

#include "internal.h"

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

/* Least squares through four pairs in closed form: the residuals lie along the weights w of the
 * one affine dependency, sum w = 0 and sum w p = 0, so removing that part leaves an exact map. */
affine fit_through_four(const point *r, const point *t, point miss, const double *w)
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

void fit_from_four(fit *out, const affine *map, const point r[4])
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
    out->rms = out->tolerance = 0;
}

double worst_residual2(const fit *f, const catalogue *ref, const catalogue *tgt,
                       const pair_list *pairs)
{
    double worst = 0;
    for (int32_t k = 0; k < pairs->n; k++) {
        point to = apply(&f->map, ref->star[pairs->ref[k]]);
        worst = fmax(worst, distance2(to, tgt->star[pairs->tgt[k]]));
    }
    return worst;
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

/* det(X'X) of X = [1 x y], the sum of 4 area^2 over all triangles of stars. */
double triangle_moments(const catalogue *cat)
{
    double n = cat->n, sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
    for (int32_t i = 0; i < cat->n; i++) {
        sx += cat->star[i].x;
        sy += cat->star[i].y;
    }
    for (int32_t i = 0; i < cat->n; i++) {
        double x = cat->star[i].x - sx / n, y = cat->star[i].y - sy / n;
        sxx += x * x;
        sxy += x * y;
        syy += y * y;
    }
    return n * (sxx * syy - sxy * sxy);
}

/* A few residuals tell little about the noise: a quarter of the tolerance counts as
 * PRIOR_FREEDOM more of them. */
static const double PRIOR_FREEDOM = 2;

double field_error(const fit *f, const catalogue *ref, const catalogue *tgt, double tolerance)
{
    double sigma = tolerance / 4, worst = 0;
    double variance = (PRIOR_FREEDOM * sigma * sigma + f->rms * f->rms * f->n) /
                      (PRIOR_FREEDOM + 2.0 * f->n - 6);
    variance = fmax(variance, grid_variance(&f->map, ref, tgt));
    for (int32_t i = 0; i < ref->n; i++) {
        worst = fmax(worst, leverage(f, ref->star[i]));
    }
    return sqrt(2 * variance * worst);
}
