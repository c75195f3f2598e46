/* What the translation units of kdmatch share. Indices of stars are int32_t: KDMATCH_MAX_STARS. */
#ifndef KDMATCH_INTERNAL_H
#define KDMATCH_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kdmatch.h"

#define KDM_PI 3.14159265358979323846
#define KDM_LOG10_E 0.43429448190325182765

typedef struct {
    double x, y;
} point;

/* x' = a x + b y + c, y' = d x + e y + f */
typedef struct {
    double a, b, c, d, e, f;
} affine;

static inline point apply(const affine *m, point p)
{
    return (point){m->a * p.x + m->b * p.y + m->c, m->d * p.x + m->e * p.y + m->f};
}

/* Twice the signed area of the triangle p q r. */
static inline double area2(point p, point q, point r)
{
    return (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x);
}

static inline double distance2(point p, point q)
{
    return (p.x - q.x) * (p.x - q.x) + (p.y - q.y) * (p.y - q.y);
}

/* ---- kdtree.c ------------------------------------------------------------------------------ */

typedef struct {
    int32_t n;
    point *at;     /* in tree order: the middle of each segment splits it */
    int32_t *id;   /* index of each point in the array the tree was built from */
    uint8_t *axis; /* split axis of the node at the same place */
} kdtree;

bool kdtree_build(kdtree *tree, const point *points, int32_t n);
void kdtree_free(kdtree *tree);
/* Index of the nearest point within sqrt(*d2), or -1; *d2 becomes its squared distance. Of equally
 * near points the lowest index wins. */
int32_t kdtree_nearest(const kdtree *tree, point query, double *d2);
/* The k nearest points, nearest first; returns how many there are (min(k, n)). */
#define KDTREE_MAX_K 32
int32_t kdtree_knn(const kdtree *tree, point query, int32_t k, int32_t *ids, double *d2s);
/* Calls visit for each point in the box; a visit that returns false ends the search. */
typedef bool (*kdtree_visit)(void *context, int32_t id);
bool kdtree_box(const kdtree *tree, point centre, point half, kdtree_visit visit, void *context);

/* ---- catalogue.c --------------------------------------------------------------------------- */

typedef struct {
    int32_t n;
    point *star;      /* distinct positions, sorted by (x, y), relative to `origin` */
    int64_t *row;     /* lowest input row that holds each */
    point origin;
    point low, high;  /* bounding box */
    double area;      /* of the field they fill; 0 for fewer than three stars or stars on a line */
    double step;      /* of the grid to which the positions are rounded; 0 if none shows */
    kdtree tree;
    int32_t n_near;   /* neighbours kept per star */
    int32_t *near_ids; /* (n, n_near), nearest first, the star itself not among them */
} catalogue;

kdmatch_status catalogue_open(catalogue *cat, const double *xy, int64_t n);
/* Variance per axis that rounding of both lists adds to a residual [target pixel^2]. */
double grid_variance(const affine *map, const catalogue *ref, const catalogue *tgt);
void catalogue_close(catalogue *cat);

/* ---- quads.c ------------------------------------------------------------------------------- */

/* Four stars in the order (A, B, C, D): A B C is the largest of the four triangles, and the
 * barycentric coordinates of D in it fall from A to C. They are ratios of triangle areas, hence the
 * same after any affine map. */
typedef struct {
    int32_t star[4];
    float reach; /* half width of the box to search, the sort key of the target's quads */
} quad;

typedef struct {
    point uv;         /* barycentric coordinates of D for A and B */
    point half;       /* their uncertainty when D moves by `slip` */
    double slip;      /* allowed distance of D from its prediction */
    int32_t order[4]; /* which of the four stars is A, B, C, D */
    bool clockwise;   /* orientation of A B C */
} labelling;

typedef struct {
    quad *quad;
    int32_t n;
} quad_list;

#define QUAD_MAX_LABELLINGS 24

/* All labellings of four points that noise of `tolerance` may turn into the canonical one (24 at
 * most); with tolerance 0 the canonical one alone. Returns 0 for degenerate quadrilaterals. */
int32_t quad_labellings(const point p[4], double tolerance, labelling out[QUAD_MAX_LABELLINGS]);
/* All of them if there are at most max_quads, else those among near neighbours. */
kdmatch_status quads_of(quad_list *list, const catalogue *cat, int32_t max_quads,
                        int32_t max_anchors);
bool quads_are_all(const catalogue *cat, int32_t max_quads);
void quads_free(quad_list *list);

/* ---- fit.c --------------------------------------------------------------------------------- */

typedef struct {
    int32_t n;
    int32_t *ref; /* increasing */
    int32_t *tgt;
} pair_list;

/* Least-squares affine map through pairs, with what is needed for errors of prediction. */
typedef struct {
    affine map;
    int32_t n;
    point mean;           /* of the reference stars */
    double ixx, ixy, iyy; /* inverse of their scatter matrix */
    double rms;
    double tolerance;     /* greatest residual that was allowed */
} fit;

/* Variance of the prediction at a reference position, in units of the variance of one position. */
static inline double leverage(const fit *f, point at)
{
    double dx = at.x - f->mean.x, dy = at.y - f->mean.y;
    return 1.0 / f->n + dx * dx * f->ixx + 2 * dx * dy * f->ixy + dy * dy * f->iyy;
}

bool fit_pairs(fit *out, const catalogue *ref, const catalogue *tgt, const pair_list *pairs);
/* The map through four pairs (r, t, w hold four each), D missed by `miss` and predicted with the weights w
 * of the others; and what a fit of its four reference stars knows. */
affine fit_through_four(const point *r, const point *t, point miss, const double *w);
void fit_from_four(fit *out, const affine *map, const point r[4]);
/* Greatest 1-sigma error (both axes) from noise with which a fit predicts a reference star. */
double field_error(const fit *f, const catalogue *ref, const catalogue *tgt, double tolerance);
double worst_residual2(const fit *f, const catalogue *ref, const catalogue *tgt,
                       const pair_list *pairs);
/* Scale and |q| / |p| (or its inverse for a reflection) of z -> p z + q conj(z) + r. */
void map_shape(const affine *m, double *scale, double *ratio);
double shear_ratio(double shear);
/* Inside the limits of scale, shear and reflection, give or take `slack` in an element. */
bool map_is_plausible(const affine *m, const kdmatch_options *options, double slack);
double triangle_moments(const catalogue *cat);

/* ---- verify.c ------------------------------------------------------------------------------ */

typedef struct {
    const catalogue *ref;
    const catalogue *tgt;
    const kdmatch_options *options;
    double max_radius;   /* beyond this a coincidence says nothing */
    double density;      /* of the target */
    double *local_density; /* of the target about each of its stars */
    double moments;      /* of the reference: sum of 4 area^2 over its triangles */
    double expected;     /* share of reference stars with a partner that we reckon with */
    int32_t *owner;      /* per target star: place in the list that claims it, or -1 */
    double *owner_d2;
    uint8_t *member;     /* per reference star: in the fit at hand */
    int32_t *trial;      /* scratch lists of reference stars */
    int64_t work;        /* done so far, in units of 5 to 20 ns */
    bool exhausted;      /* a budget ended the search */
    pair_list now, next;
} verifier;

bool pairs_open(pair_list *list, int32_t capacity);
void pairs_close(pair_list *list);
bool verifier_open(verifier *v, const catalogue *ref, const catalogue *tgt,
                   const kdmatch_options *options);
void verifier_close(verifier *v);
/* Do the neighbours of the quadrilateral's stars have partners more often than by chance? */
bool verifier_screen(verifier *v, const fit *start, const int32_t own[4]);
/* One-to-one pairs of the stars v->trial[0 .. n_trial) under a map, into v->next; see there. */
int32_t verifier_collect(verifier *v, const fit *f, int32_t n_trial, double tolerance, double reach);
bool same_pairs(const pair_list *a, const pair_list *b);
/* The pairs of v->next become those at hand. */
void verifier_take_next(verifier *v);

/* ---- chance.c ------------------------------------------------------------------------------ */

/* log10 of the bound on the probability that unrelated catalogues show these pairs. */
double chance_log10(const verifier *v, const fit *found, const pair_list *pairs);
/* The same where the smaller of the bounds for both directions is taken, which costs a factor of two. */
double chance_of_either(double forward, double backward);
/* Fewest pairs with residuals up to the tolerance that fall below max_false_alarm in one of the two
 * directions; 0 if none do. */
int64_t chance_needed(const verifier *forward, const verifier *backward);

/* ---- refine.c ------------------------------------------------------------------------------ */

/* Refit over the whole catalogues, from a fit to the pairs in v->now (or to none) to those at rest. */
bool verifier_refine(verifier *v, fit *f);

/* ---- grow.c -------------------------------------------------------------------------------- */

/* Grow from a start to the whole catalogues; the pairs are in v->now and belong to *out. */
bool verifier_grow(verifier *v, const fit *start, fit *out);

/* ---- robust.c ------------------------------------------------------------------------------ */

/* Move a fit to the centre of the pairs about it; false if it does not come to rest. */
bool robust_centre(verifier *v, fit *f);

/* ---- departure.c --------------------------------------------------------------------------- */

/* Expected squared error of the least-squares affine map about the true one, which need not be affine:
 * a quadratic form, for each axis of the target, in the terms at a reference position. */
typedef struct {
    point centre; /* of the terms' coordinates, in the reference */
    double scale;
    double form[2][KDMATCH_TERMS][KDMATCH_TERMS];
    double noise;    /* variance of a residual in one axis */
    double log_odds; /* natural logarithm of the evidence for a departure over that for none */
} departure;

void departure_of(departure *d, const fit *f, const catalogue *ref, const catalogue *tgt,
                  const pair_list *pairs, double tolerance);
void departure_terms(const departure *d, point at, double out[KDMATCH_TERMS]);
double departure_variance(const departure *d, point at); /* of both axes */

/* ---- prior.c ------------------------------------------------------------------------------- */

/* Calls visit with each start and four of its reference stars, until it returns false. */
typedef bool (*prior_visit)(void *context, const fit *start, const int32_t own[4]);
void prior_starts(verifier *v, prior_visit visit, void *context);
/* The options for the inverse map, prior and limits of the scale turned. */
kdmatch_options options_turned(const kdmatch_options *o);

/* ---- search.c ------------------------------------------------------------------------------ */

typedef struct {
    bool found;
    fit fit;
    pair_list pairs;
    double chance;       /* log10 of the false-alarm bound */
    int32_t rival_pairs; /* most pairs of a different answer that would have been accepted */
} answer;

/* The best result of all hypotheses; `best` brings memory for pairs, `result` receives the counts. */
kdmatch_status search_best(verifier *v, kdmatch_result *result, answer *best);
/* Whether a search looks at all quadrilaterals of both lists. */
bool search_is_exhaustive(const catalogue *one, const catalogue *other);

/* ---- decide.c ------------------------------------------------------------------------------ */

/* Accept and report, or refuse; `swapped`: the caller's target is the verifier's reference. */
kdmatch_status decide(const verifier *v, const answer *best, bool swapped, kdmatch_result *result,
                      int64_t *pairs);

#endif
