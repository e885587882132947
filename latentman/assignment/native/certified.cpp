// Exact assignment of two sets of points in space at the least sum of Euclidean distances: the whole solver, behind one
// C function. No matrix of costs is made.
//
// The steps: both sides in Morton order; dual values by auctions from a coarse subset of the points to all of them; the
// exact answer by shortest augmenting paths. The names of the methods stand in auction.hpp and paths.hpp.
#include <cmath>
#include <new>
#include <vector>

#include "auction.hpp"
#include "paths.hpp"
#include "tree.hpp"

#if defined(_WIN32)
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace latentman {
namespace {

constexpr int kList = 16;       // columns that a row knows at first
constexpr int kRatio = 3;       // points of a level over those of the next coarser one
constexpr int kCoarsest = 64;   // rows of the coarsest level, at least
constexpr int kAuctioned = 250; // fewer rows go to the exact search at once: there it is as fast alone

std::vector<Point> every(const std::vector<Point>& points, int stride) {
  std::vector<Point> chosen;
  for (std::size_t i = stride / 2; i < points.size(); i += stride) chosen.push_back(points[i]);
  return chosen;
}

// min_i |q - p_i| - w_i for every q: how dual values of one set become dual values of another.
std::vector<double> transform(const std::vector<Point>& p, const std::vector<double>& w, const std::vector<Point>& q) {
  const Tree tree(p, w);
  Neighbours found;
  std::vector<double> out(q.size());
  for (std::size_t i = 0; i < q.size(); ++i) {
    tree.query(q[i], 1, found);
    out[i] = found.value[0];
  }
  return out;
}

// The distance between neighbouring points, if they lay on a sheet.
double spacing(const std::vector<Point>& points) {
  double extent[3];
  for (int d = 0; d < 3; ++d) {
    double low = kInfinity, high = -kInfinity;
    for (const Point& p : points) {
      low = std::min(low, p.at[d]);
      high = std::max(high, p.at[d]);
    }
    extent[d] = high - low;
  }
  std::sort(extent, extent + 3);
  const double count = static_cast<double>(points.size());
  // On a line the sheet has no width: then points follow one another along it.
  return std::max(std::max(std::sqrt(extent[2] * extent[1] / count), extent[2] / count), 1e-12);
}

// Dual values of the columns, from coarse to fine.
std::vector<double> starting_duals(const std::vector<Point>& rows, const std::vector<Point>& columns) {
  if (static_cast<int>(rows.size()) < kAuctioned) return std::vector<double>(columns.size(), 0.0);
  const double unit = spacing(columns);
  int stride = 1;
  while (static_cast<int>(rows.size()) / (stride * kRatio) >= kCoarsest) stride *= kRatio;
  std::vector<Point> coarse_rows;
  std::vector<double> coarse_u;
  for (bool first = true;; first = false, stride /= kRatio) {
    std::vector<Point> some_rows = every(rows, stride), some_columns = every(columns, stride);
    if (some_rows.size() > some_columns.size()) some_rows.resize(some_columns.size());
    if (rows.size() == columns.size()) some_columns.resize(some_rows.size());
    Tree tree(some_columns, first ? std::vector<double>(some_columns.size(), 0.0)
                                  : transform(coarse_rows, coarse_u, some_columns));
    const double width = unit * std::sqrt(static_cast<double>(stride));
    AuctionRules rules;
    rules.list = kList;
    rules.first_eps = (first ? 1.0 : 0.1) * width;
    rules.last_eps = (stride == 1 ? 0.002 : 0.05) * width;
    Auction(some_rows, tree, rules).run();
    if (stride == 1) return tree.weights();
    coarse_u = transform(some_columns, tree.weights(), some_rows);
    coarse_rows = std::move(some_rows);
  }
}

std::vector<Point> in_order(const double* flat, const std::vector<int>& order) {
  std::vector<Point> points(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    for (int d = 0; d < 3; ++d) points[i].at[d] = flat[3 * static_cast<std::size_t>(order[i]) + d];
  return points;
}

std::vector<int> order_of(const double* flat, int count) {
  std::vector<int> identity(count);
  std::iota(identity.begin(), identity.end(), 0);
  return morton_order(in_order(flat, identity));
}

void assign(const double* x, int n, const double* y, int m, int* col, double* u, double* v) {
  const std::vector<int> row_order = order_of(x, n), column_order = order_of(y, m);
  const std::vector<Point> rows = in_order(x, row_order), columns = in_order(y, column_order);
  Tree tree(columns, starting_duals(rows, columns));
  Paths paths(rows, tree, kList);
  paths.solve();
  for (int i = 0; i < n; ++i) {
    col[row_order[i]] = column_order[paths.column_of()[i]];
    u[row_order[i]] = paths.u(i);
  }
  for (int j = 0; j < m; ++j) v[column_order[j]] = paths.v(j);
}

}  // namespace
}  // namespace latentman

// Match x (n, 3) with y (m, 3), 1 <= n <= m, all values finite. Writes the column of each row and the dual values u (n)
// and v (m). Returns 0, or 1 if the memory does not suffice.
EXPORT int latentman_assign(const double* x, int n, const double* y, int m, int* col, double* u, double* v) {
  try {
    latentman::assign(x, n, y, m, col, u, v);
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

// What the library was built from: beside other sources it is not used.
EXPORT const char* latentman_assign_digest() { return SOURCE_DIGEST; }
