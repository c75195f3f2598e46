/* Checks of the library's inner parts against slow definitions; run under the sanitizers.
 * Exit status 0 when all hold; the first that does not is named on standard error. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define CHECK(what)                                                         \
    do {                                                                    \
        if (!(what)) {                                                      \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #what); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

static double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / 9007199254740992.0;
}

static void scatter(point *p, int32_t n, uint64_t seed, bool lattice)
{
    for (int32_t i = 0; i < n; i++) {
        p[i] = (point){uniform(&seed), uniform(&seed)};
        if (lattice) { /* many equal coordinates: ties everywhere */
            p[i] = (point){floor(p[i].x * 5), floor(p[i].y * 5)};
        }
    }
}

static void nearest_is_the_nearest(const kdtree *t, const point *p, int32_t n, point q)
{
    int32_t best = -1;
    double least = 0.1;
    for (int32_t i = 0; i < n; i++) {
        if (distance2(p[i], q) < least || (distance2(p[i], q) <= least && best < 0)) {
            least = distance2(p[i], q);
            best = i;
        }
    }
    double d2 = 0.1;
    CHECK(kdtree_nearest(t, q, &d2) == best);
    CHECK(best < 0 || d2 == least);
}

static void neighbours_are_the_nearest(const kdtree *t, const point *p, int32_t n, point q)
{
    int32_t ids[KDTREE_MAX_K], k = 9;
    double d2s[KDTREE_MAX_K];
    int32_t found = kdtree_knn(t, q, k, ids, d2s);
    CHECK(found == (n < k ? n : k));
    for (int32_t j = 0; j < found; j++) {
        CHECK(d2s[j] == distance2(p[ids[j]], q));
        int32_t before = 0; /* rank by distance, then index */
        for (int32_t i = 0; i < n; i++) {
            double d2 = distance2(p[i], q);
            before += d2 < d2s[j] || (d2 <= d2s[j] && i < ids[j]);
        }
        CHECK(before == j);
    }
}

typedef struct {
    char *seen;
    int32_t n, stop_at;
} tally;

static bool count(void *context, int32_t id)
{
    tally *t = context;
    CHECK(!t->seen[id]);
    t->seen[id] = 1;
    return ++t->n != t->stop_at;
}

static void a_box_holds_what_lies_in_it(const kdtree *t, const point *p, int32_t n, point q)
{
    tally all = {calloc((size_t)n + 1, 1), 0, -1};
    point half = {0.3, 0.7};
    int32_t inside = 0;
    CHECK(all.seen);
    CHECK(kdtree_box(t, q, half, count, &all));
    for (int32_t i = 0; i < n; i++) {
        bool in = p[i].x >= q.x - half.x && p[i].x <= q.x + half.x && p[i].y >= q.y - half.y &&
                  p[i].y <= q.y + half.y;
        CHECK(in == (all.seen[i] != 0));
        inside += in;
    }
    free(all.seen);
    tally some = {calloc((size_t)n + 1, 1), 0, 1};
    CHECK(some.seen);
    CHECK(kdtree_box(t, q, half, count, &some) == (inside == 0));
    CHECK(some.n <= 1);
    free(some.seen);
}

static void trees_agree_with_a_scan(void)
{
    static const int32_t SIZES[] = {0, 1, 2, 8, 9, 10, 17, 100, 1000};
    static point p[1000];
    for (size_t s = 0; s < sizeof SIZES / sizeof *SIZES; s++) {
        for (int lattice = 0; lattice < 2; lattice++) {
            int32_t n = SIZES[s];
            uint64_t seed = 77 + s;
            kdtree t;
            scatter(p, n, seed, lattice);
            CHECK(kdtree_build(&t, p, n));
            for (int trial = 0; trial < 60; trial++) {
                double size = lattice ? 5 : 1;
                point q = {uniform(&seed) * size, uniform(&seed) * size};
                q = lattice && trial % 2 ? (point){floor(q.x), floor(q.y)} : q;
                nearest_is_the_nearest(&t, p, n, q);
                neighbours_are_the_nearest(&t, p, n, q);
                a_box_holds_what_lies_in_it(&t, p, n, q);
            }
            kdtree_free(&t);
        }
    }
}

static void invariants_survive_any_affine_map(void)
{
    uint64_t seed = 5;
    for (int trial = 0; trial < 2000; trial++) {
        point p[4], q[4];
        labelling a[QUAD_MAX_LABELLINGS], b[QUAD_MAX_LABELLINGS];
        scatter(p, 4, seed + (uint64_t)trial, false);
        uint64_t s = seed * 31 + (uint64_t)trial;
        affine m = {uniform(&s) - 0.5, uniform(&s) - 0.5, uniform(&s),
                    uniform(&s) - 0.5, uniform(&s) - 0.5, uniform(&s)};
        double det = m.a * m.e - m.b * m.d;
        if (fabs(det) < 0.05) {
            continue;
        }
        int shift = trial % 4; /* and any order of the four */
        for (int i = 0; i < 4; i++) {
            q[i] = apply(&m, p[(i + shift) % 4]);
        }
        if (!quad_labellings(p, 0, a)) {
            continue;
        }
        CHECK(quad_labellings(q, 0, b) == 1);
        CHECK(fabs(a[0].uv.x - b[0].uv.x) < 1e-8 && fabs(a[0].uv.y - b[0].uv.y) < 1e-8);
        CHECK((a[0].clockwise != b[0].clockwise) == (det < 0));
        for (int i = 0; i < 4; i++) {
            CHECK(a[0].order[i] == (b[0].order[i] + shift) % 4);
        }
    }
}

static void a_moved_corner_stays_within_the_stated_box(void)
{
    const double tolerance = 0.004;
    uint64_t seed = 9;
    for (int trial = 0; trial < 5000; trial++) {
        point p[4];
        labelling exact[QUAD_MAX_LABELLINGS], some[QUAD_MAX_LABELLINGS];
        scatter(p, 4, seed + (uint64_t)trial, false);
        if (!quad_labellings(p, 0, exact)) {
            continue;
        }
        uint64_t s = (uint64_t)trial;
        int corner = trial % 4;
        double angle = 2 * KDM_PI * uniform(&s);
        p[corner].x += tolerance * cos(angle) * 0.9;
        p[corner].y += tolerance * sin(angle) * 0.9;
        int32_t n = quad_labellings(p, tolerance, some);
        bool found = n == 0; /* too thin to say anything: left out on purpose */
        CHECK(n <= QUAD_MAX_LABELLINGS);
        for (int32_t i = 0; i < n; i++) {
            found = found || (fabs(some[i].uv.x - exact[0].uv.x) <= some[i].half.x &&
                              fabs(some[i].uv.y - exact[0].uv.y) <= some[i].half.y &&
                              some[i].clockwise == exact[0].clockwise);
        }
        CHECK(found);
    }
}

static void degenerate_quadrilaterals_are_left_out(void)
{
    point line[4] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}};
    point same[4] = {{1, 1}, {1, 1}, {1, 1}, {1, 1}};
    labelling l[QUAD_MAX_LABELLINGS];
    CHECK(quad_labellings(line, 0, l) == 0 && quad_labellings(line, 0.1, l) == 0);
    CHECK(quad_labellings(same, 0, l) == 0 && quad_labellings(same, 0.1, l) == 0);
}

static void bad_arguments_are_refused(void)
{
    double xy[8] = {0, 0, 1, 0, 0, 1, 1, 1};
    int64_t pairs[16];
    kdmatch_result r;
    kdmatch_options good = {.tolerance = 1, .scale_min = 0.5, .scale_max = 2, .max_shear = 0.1,
                            .max_false_alarm = 0.1, .max_field_error = 1, .max_candidates = 100,
                            .max_work = 1000000};
    CHECK(kdmatch_match(xy, 4, xy, 4, &good, &r, pairs) == KDMATCH_NO_MATCH);
    CHECK(kdmatch_match(NULL, 4, xy, 4, &good, &r, pairs) == KDMATCH_BAD_ARGUMENT);
    CHECK(kdmatch_match(xy, -1, xy, 4, &good, &r, pairs) == KDMATCH_BAD_ARGUMENT);
    CHECK(kdmatch_match(xy, 4, xy, KDMATCH_MAX_STARS + 1, &good, &r, pairs) == KDMATCH_BAD_ARGUMENT);
    CHECK(kdmatch_match(xy, 4, xy, 4, NULL, &r, pairs) == KDMATCH_BAD_ARGUMENT);
    CHECK(kdmatch_match(xy, 4, xy, 4, &good, NULL, pairs) == KDMATCH_BAD_ARGUMENT);
    CHECK(kdmatch_match(xy, 4, xy, 4, &good, &r, NULL) == KDMATCH_BAD_ARGUMENT);
    kdmatch_options bad = good;
    bad.tolerance = NAN;
    CHECK(kdmatch_match(xy, 4, xy, 4, &bad, &r, pairs) == KDMATCH_BAD_ARGUMENT);
    bad = good;
    bad.has_prior = 1;
    bad.prior[2] = INFINITY;
    CHECK(kdmatch_match(xy, 4, xy, 4, &bad, &r, pairs) == KDMATCH_BAD_ARGUMENT);
    xy[3] = NAN;
    CHECK(kdmatch_match(xy, 4, xy, 4, &good, &r, pairs) == KDMATCH_BAD_ARGUMENT);
}

int main(void)
{
    trees_agree_with_a_scan();
    invariants_survive_any_affine_map();
    a_moved_corner_stays_within_the_stated_box();
    degenerate_quadrilaterals_are_left_out();
    bad_arguments_are_refused();
    puts("all hold");
    return 0;
}
