/* How far may the true map be from the affine one? A field with distortion leaves residuals that are
 * small where stars are paired and grow where they are not.
 *
 * Model: the true map is affine plus a polynomial of degree 2 to 5 whose coefficients are Gaussian with
 * variance (rho sigma)^2, in coordinates about the mean of the pairs, in units of half their extent; the
 * weights of the terms make the prior invariant under rotation. sigma^2 has an inverse-gamma prior worth
 * NOISE_FREEDOM residuals of a quarter of the tolerance, rho one that is uniform in its logarithm. Given rho all
 * else is Bayesian linear regression in closed form (O'Hagan & Forster 2004, Bayesian Inference, ch. 11);
 * rho is averaged over a grid. The expected squared error of the least-squares affine map at a place is then a
 * quadratic form in the terms there: noise, plus the departure that residuals show or cannot exclude.
 */
#include <math.h>
#include <string.h>

#include "internal.h"

enum { AFFINE = 3, CURVED = KDMATCH_TERMS - AFFINE, GRID = 25, MAX_SWEEPS = 30 };
static const double LEAST_RHO = 0.35, STEP_RHO = 1.4142135623730951;
static const double NOISE_FREEDOM = 2;
/* Eigenvalues below this part of the greatest are rounding: the pairs say nothing there. */
static const double RANK_LIMIT = 1e-11;

typedef struct {
    double moment[KDMATCH_TERMS][KDMATCH_TERMS]; /* F'F of the pairs */
    double inverse[AFFINE][AFFINE];              /* of its affine block */
    double project[AFFINE][CURVED];              /* what the affine fit takes of each curved term */
    double slope[2][CURVED];                     /* curved terms times residuals */
    double axes[CURVED][CURVED], s2[CURVED];     /* eigenvectors (rows) and values of Z'Z */
    double y[2][CURVED];                         /* residuals along them */
    double rest;                                 /* sum of squares that no curve explains */
} regression;

/* (u + v)^d term by term, each with the root of its binomial coefficient: sums of products of two places
 * are powers of their scalar product. */
void departure_terms(const departure *d, point at, double out[KDMATCH_TERMS])
{
    double u = (at.x - d->centre.x) / d->scale, v = (at.y - d->centre.y) / d->scale;
    int n = 0;
    for (int degree = 0; degree <= KDMATCH_DEGREE; degree++) {
        double binomial = 1;
        for (int j = 0; j <= degree; j++) {
            double value = sqrt(binomial);
            for (int k = 0; k < degree; k++) {
                value *= k < degree - j ? u : v;
            }
            out[n++] = value;
            binomial = binomial * (degree - j) / (j + 1);
        }
    }
}

static void frame(departure *d, const catalogue *ref, const pair_list *pairs, point mean)
{
    point low = ref->star[pairs->ref[0]], high = low;
    for (int32_t i = 1; i < pairs->n; i++) {
        point p = ref->star[pairs->ref[i]];
        low = (point){fmin(low.x, p.x), fmin(low.y, p.y)};
        high = (point){fmax(high.x, p.x), fmax(high.y, p.y)};
    }
    d->centre = mean;
    d->scale = fmax(high.x - low.x, high.y - low.y) / 2;
}

static void accumulate(regression *g, const departure *d, const fit *f, const catalogue *ref,
                       const catalogue *tgt, const pair_list *pairs)
{
    double term[KDMATCH_TERMS];
    for (int32_t i = 0; i < pairs->n; i++) {
        point at = ref->star[pairs->ref[i]], to = apply(&f->map, at);
        point seen = tgt->star[pairs->tgt[i]];
        double e[2] = {seen.x - to.x, seen.y - to.y};
        departure_terms(d, at, term);
        for (int j = 0; j < KDMATCH_TERMS; j++) {
            for (int k = 0; k <= j; k++) {
                g->moment[j][k] += term[j] * term[k];
            }
        }
        for (int j = 0; j < CURVED; j++) {
            g->slope[0][j] += e[0] * term[AFFINE + j];
            g->slope[1][j] += e[1] * term[AFFINE + j];
        }
        g->rest += e[0] * e[0] + e[1] * e[1];
    }
    for (int j = 0; j < KDMATCH_TERMS; j++) {
        for (int k = j + 1; k < KDMATCH_TERMS; k++) {
            g->moment[j][k] = g->moment[k][j];
        }
    }
}

/* The affine block about the mean of the pairs is 1/n and the inverse scatter that the fit holds. */
static void project_out_affine(regression *g, const departure *d, const fit *f)
{
    double l2 = d->scale * d->scale;
    double inverse[AFFINE][AFFINE] = {
        {1.0 / f->n, 0, 0}, {0, f->ixx * l2, f->ixy * l2}, {0, f->ixy * l2, f->iyy * l2}};
    memcpy(g->inverse, inverse, sizeof inverse);
    for (int i = 0; i < AFFINE; i++) {
        for (int j = 0; j < CURVED; j++) {
            for (int k = 0; k < AFFINE; k++) {
                g->project[i][j] += inverse[i][k] * g->moment[k][AFFINE + j];
            }
        }
    }
}

static void rotate(double m[CURVED][CURVED], double axes[CURVED][CURVED], int p, int q)
{
    if (fabs(m[p][q]) <= 1e-300) {
        return;
    }
    double theta = (m[q][q] - m[p][p]) / (2 * m[p][q]);
    double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < CURVED; k++) {
        double kp = m[k][p], kq = m[k][q];
        m[k][p] = c * kp - s * kq;
        m[k][q] = s * kp + c * kq;
    }
    for (int k = 0; k < CURVED; k++) {
        double pk = m[p][k], qk = m[q][k], ap = axes[p][k], aq = axes[q][k];
        m[p][k] = c * pk - s * qk;
        m[q][k] = s * pk + c * qk;
        axes[p][k] = c * ap - s * aq;
        axes[q][k] = s * ap + c * aq;
    }
}

/* Eigenvectors of the symmetric m into the rows of axes (cyclic Jacobi; Golub & Van Loan, sec. 8.5). */
static void diagonalise(double m[CURVED][CURVED], double axes[CURVED][CURVED])
{
    for (int i = 0; i < CURVED; i++) {
        for (int j = 0; j < CURVED; j++) {
            axes[i][j] = i == j;
        }
    }
    for (int sweep = 0; sweep < MAX_SWEEPS; sweep++) {
        double off = 0, all = 0;
        for (int p = 0; p < CURVED; p++) {
            for (int q = 0; q < CURVED; q++) {
                off += p == q ? 0 : m[p][q] * m[p][q];
                all += m[p][q] * m[p][q];
            }
        }
        if (!(off > 1e-28 * all)) {
            return;
        }
        for (int p = 0; p < CURVED; p++) {
            for (int q = p + 1; q < CURVED; q++) {
                rotate(m, axes, p, q);
            }
        }
    }
}

static void along_eigenvectors(regression *g)
{
    double m[CURVED][CURVED], greatest = 0;
    for (int i = 0; i < CURVED; i++) {
        for (int j = 0; j < CURVED; j++) {
            m[i][j] = g->moment[AFFINE + i][AFFINE + j];
            for (int k = 0; k < AFFINE; k++) {
                m[i][j] -= g->moment[AFFINE + i][k] * g->project[k][j];
            }
        }
    }
    diagonalise(m, g->axes);
    for (int i = 0; i < CURVED; i++) {
        greatest = fmax(greatest, m[i][i]);
    }
    for (int i = 0; i < CURVED; i++) {
        g->s2[i] = m[i][i] > RANK_LIMIT * greatest ? m[i][i] : 0;
        for (int axis = 0; axis < 2 && g->s2[i] > 0; axis++) {
            double sum = 0;
            for (int k = 0; k < CURVED; k++) {
                sum += g->axes[i][k] * g->slope[axis][k];
            }
            g->y[axis][i] = sum / sqrt(g->s2[i]);
            g->rest -= g->y[axis][i] * g->y[axis][i];
        }
    }
    g->rest = fmax(g->rest, 0);
}

/* log evidence for one rho (constants dropped) and the expected noise variance under it. */
static double evidence(const regression *g, double rho, double prior, double freedom, double floor,
                       double *noise)
{
    double squares = prior + g->rest, log_det = 0;
    for (int i = 0; i < CURVED; i++) {
        double gain = 1 + rho * rho * g->s2[i];
        squares += (g->y[0][i] * g->y[0][i] + g->y[1][i] * g->y[1][i]) / gain;
        log_det += log(gain);
    }
    *noise = fmax(squares / (freedom - 2), floor);
    return -log_det - freedom / 2 * log(squares);
}

/* The second moments of the curved coefficients along the eigenvectors, averaged over rho. */
static double average(const regression *g, const fit *f, double tolerance, double floor,
                      double second[2][CURVED][CURVED], double *log_odds)
{
    double noise[GRID], weight[GRID], sum = 0, mean_noise = 0, none;
    double prior = NOISE_FREEDOM * tolerance * tolerance / 16, freedom = NOISE_FREEDOM + 2.0 * f->n - 6;
    double straight = evidence(g, 0, prior, freedom, floor, &none), best = -INFINITY;
    for (int r = 0; r < GRID; r++) {
        weight[r] = evidence(g, LEAST_RHO * pow(STEP_RHO, r), prior, freedom, floor, &noise[r]);
        best = fmax(best, weight[r]);
    }
    for (int r = 0; r < GRID; r++) {
        weight[r] = exp(weight[r] - best);
        sum += weight[r];
    }
    *log_odds = best + log(sum / GRID) - straight;
    for (int r = 0; r < GRID; r++) {
        double rho2 = LEAST_RHO * LEAST_RHO * pow(STEP_RHO, 2.0 * r), w = weight[r] / sum, m[2][CURVED];
        mean_noise += w * noise[r];
        for (int i = 0; i < CURVED; i++) {
            double gain = 1 + rho2 * g->s2[i];
            for (int axis = 0; axis < 2; axis++) {
                m[axis][i] = rho2 * sqrt(g->s2[i]) * g->y[axis][i] / gain;
                second[axis][i][i] += w * noise[r] * rho2 / gain;
            }
        }
        for (int i = 0; i < CURVED; i++) {
            for (int j = 0; j < CURVED; j++) {
                second[0][i][j] += w * m[0][i] * m[0][j];
                second[1][i][j] += w * m[1][i] * m[1][j];
            }
        }
    }
    return mean_noise;
}

/* From eigenvectors to terms: L A' M A L' with the rows of A in `axes` and L = (-project, 1). */
static void expand(const regression *g, double second[CURVED][CURVED],
                   double form[KDMATCH_TERMS][KDMATCH_TERMS])
{
    double left[KDMATCH_TERMS][CURVED]; /* L A' */
    for (int t = 0; t < KDMATCH_TERMS; t++) {
        for (int i = 0; i < CURVED; i++) {
            left[t][i] = t >= AFFINE ? g->axes[i][t - AFFINE] : 0;
            for (int k = 0; t < AFFINE && k < CURVED; k++) {
                left[t][i] -= g->project[t][k] * g->axes[i][k];
            }
        }
    }
    for (int t = 0; t < KDMATCH_TERMS; t++) {
        double half[CURVED] = {0};
        for (int i = 0; i < CURVED; i++) {
            for (int j = 0; j < CURVED; j++) {
                half[j] += left[t][i] * second[i][j];
            }
        }
        for (int o = 0; o < KDMATCH_TERMS; o++) {
            form[t][o] = 0;
            for (int j = 0; j < CURVED; j++) {
                form[t][o] += half[j] * left[o][j];
            }
        }
    }
}

void departure_of(departure *d, const fit *f, const catalogue *ref, const catalogue *tgt,
                  const pair_list *pairs, double tolerance)
{
    regression g;
    double second[2][CURVED][CURVED];
    memset(&g, 0, sizeof g);
    memset(second, 0, sizeof second);
    frame(d, ref, pairs, f->mean);
    accumulate(&g, d, f, ref, tgt, pairs);
    project_out_affine(&g, d, f);
    along_eigenvectors(&g);
    d->noise = average(&g, f, tolerance, grid_variance(&f->map, ref, tgt), second, &d->log_odds);
    for (int axis = 0; axis < 2; axis++) {
        expand(&g, second[axis], d->form[axis]);
        for (int i = 0; i < AFFINE; i++) {
            for (int j = 0; j < AFFINE; j++) {
                d->form[axis][i][j] += d->noise * g.inverse[i][j];
            }
        }
    }
}

double departure_variance(const departure *d, point at)
{
    double term[KDMATCH_TERMS], sum = 0;
    departure_terms(d, at, term);
    for (int i = 0; i < KDMATCH_TERMS; i++) {
        double row = (d->form[0][i][i] + d->form[1][i][i]) * term[i];
        for (int j = 0; j < i; j++) {
            row += 2 * (d->form[0][i][j] + d->form[1][i][j]) * term[j];
        }
        sum += row * term[i];
    }
    return fmax(sum, 0);
}
