// Weighted nearest neighbours: the K smallest of |x - y_j| - v_j over a set of points with falling weights v.
//
// The points lie in Morton order, eight to a leaf, and every node has eight children, so that the bounds of a node and
// the distances of a leaf are short loops over eight numbers, which compilers turn into vector instructions. A node
// keeps the box of its points and their largest weight: |x - y_j| - v_j is at least (distance to the box) - (largest
// weight).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

// Where compiler and system can, the query is built three times, and the processor's own vector width is taken at run time.
// All give the same bits: nothing is contracted (-ffp-contract=off), and every operation is rounded as IEEE says.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define VECTORISED __attribute__((target_clones("avx512f", "avx2", "default"), flatten))
#else
#define VECTORISED
#endif

namespace latentman {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kWidth = 8;

struct Point {
  double at[3];
};

// The order in which points that lie near one another in space follow one another; ties keep the order of input.
inline std::vector<int> morton_order(const std::vector<Point>& points) {
  const int n = static_cast<int>(points.size());
  double low[3] = {kInfinity, kInfinity, kInfinity}, span = 1e-12;
  double high[3] = {-kInfinity, -kInfinity, -kInfinity};
  for (const Point& p : points)
    for (int d = 0; d < 3; ++d) {
      low[d] = std::min(low[d], p.at[d]);
      high[d] = std::max(high[d], p.at[d]);
    }
  for (int d = 0; d < 3; ++d) span = std::max(span, high[d] - low[d]);
  std::vector<std::uint32_t> code(n);
  for (int i = 0; i < n; ++i) {
    std::uint32_t key = 0;
    for (int d = 0; d < 3; ++d) {
      const auto cell = static_cast<std::uint32_t>((points[i].at[d] - low[d]) / span * 1023.0);
      for (int bit = 0; bit < 10; ++bit) key |= ((cell >> bit) & 1u) << (3 * bit + d);
    }
    code[i] = key;
  }
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return code[a] < code[b]; });
  return order;
}

// The K best columns of a row, ascending by value = cost - weight. Slots from `count` on are unused.
struct Neighbours {
  std::vector<int> index;
  std::vector<double> cost, value;
  int count = 0;

  void reserve(int k) {
    if (static_cast<int>(index.size()) < k) {
      index.resize(k);
      cost.resize(k);
      value.resize(k);
    }
  }
};

class Tree {
 public:
  // `points` in Morton order; `weight` has one entry for each of them.
  Tree(const std::vector<Point>& points, const std::vector<double>& weight)
      : size_(static_cast<int>(points.size())), weight_(weight), leaves_((points.size() + kWidth - 1) / kWidth) {
    std::vector<Box> boxes(leaves_.size());
    for (int j = 0; j < size_; ++j) {
      Leaf& leaf = leaves_[j / kWidth];
      for (int d = 0; d < 3; ++d) leaf.at[d][j % kWidth] = points[j].at[d];
      leaf.weight[j % kWidth] = weight[j];
      boxes[j / kWidth].add(points[j], weight[j]);
    }
    do {
      std::vector<Node> nodes((boxes.size() + kWidth - 1) / kWidth);
      std::vector<Box> above(nodes.size());
      for (std::size_t q = 0; q < boxes.size(); ++q) {
        nodes[q / kWidth].set(q % kWidth, boxes[q]);
        above[q / kWidth].add(boxes[q]);
      }
      levels_.push_back(std::move(nodes));
      boxes = std::move(above);
    } while (boxes.size() > 1);
  }

  int size() const { return size_; }
  double weight(int j) const { return weight_[j]; }
  const std::vector<double>& weights() const { return weight_; }

  // Give a point a new weight; the bounds above it follow at once.
  void set_weight(int j, double weight) {
    weight_[j] = weight;
    leaves_[j / kWidth].weight[j % kWidth] = weight;
    const double* eight = leaves_[j / kWidth].weight;
    int child = j / kWidth;
    for (std::vector<Node>& nodes : levels_) {
      double largest = eight[0];
      for (int k = 1; k < kWidth; ++k) largest = std::max(largest, eight[k]);
      double& bound = nodes[child / kWidth].weight[child % kWidth];
      if (bound == largest) return;
      bound = largest;
      eight = nodes[child / kWidth].weight;
      child /= kWidth;
    }
  }

  // Find the k points of least value for `row`. `limit`: values at or above it are of no interest.
  VECTORISED void query(const Point& row, int k, Neighbours& found, double limit = kInfinity) const {
    found.count = 0;
    found.reserve(k);
    Entry stack[kStack];
    int top = 0;
    const int root = static_cast<int>(levels_.size()) - 1;
    open_node(row, root, 0, limit, stack, top);
    while (top > 0) {
      const Entry entry = stack[--top];
      if (entry.bound >= limit) continue;
      if (entry.level < 0)
        scan_leaf(row, entry.index, k, found, limit);
      else
        open_node(row, entry.level, entry.index, limit, stack, top);
    }
  }

 private:
  // Eleven levels of eight hold 2^33 points; each leaves at most seven entries on the stack.
  static constexpr int kStack = 11 * kWidth;

  struct Box {
    double low[3] = {kInfinity, kInfinity, kInfinity}, high[3] = {-kInfinity, -kInfinity, -kInfinity};
    double weight = -kInfinity;

    void add(const Point& p, double w) {
      for (int d = 0; d < 3; ++d) {
        low[d] = std::min(low[d], p.at[d]);
        high[d] = std::max(high[d], p.at[d]);
      }
      weight = std::max(weight, w);
    }
    void add(const Box& other) {
      for (int d = 0; d < 3; ++d) {
        low[d] = std::min(low[d], other.low[d]);
        high[d] = std::max(high[d], other.high[d]);
      }
      weight = std::max(weight, other.weight);
    }
  };

  // Empty slots have the weight -infinity, and so the bound +infinity.
  struct Node {
    double low[3][kWidth], high[3][kWidth], weight[kWidth];

    Node() {
      for (int k = 0; k < kWidth; ++k) {
        for (int d = 0; d < 3; ++d) low[d][k] = high[d][k] = 0.0;
        weight[k] = -kInfinity;
      }
    }
    void set(std::size_t k, const Box& box) {
      for (int d = 0; d < 3; ++d) {
        low[d][k] = box.low[d];
        high[d][k] = box.high[d];
      }
      weight[k] = box.weight;
    }
  };

  struct Leaf {
    double at[3][kWidth] = {}, weight[kWidth];

    Leaf() { std::fill(weight, weight + kWidth, -kInfinity); }
  };

  struct Entry {
    double bound;
    int level;  // of the node to open; -1 is a leaf
    int index;
  };

  void open_node(const Point& row, int level, int index, double limit, Entry* stack, int& top) const {
    const Node& node = levels_[level][index];
    double bound[kWidth];
    for (int k = 0; k < kWidth; ++k) {
      double squared = 0.0;
      for (int d = 0; d < 3; ++d) {
        const double below = node.low[d][k] - row.at[d], above = row.at[d] - node.high[d][k];
        const double outside = std::max(std::max(below, above), 0.0);
        squared += outside * outside;
      }
      bound[k] = std::sqrt(squared) - node.weight[k];
    }
    // The nearest child ends up on top of the stack.
    const int bottom = top;
    for (int k = 0; k < kWidth; ++k) {
      if (!(bound[k] < limit)) continue;
      int at = top++;
      while (at > bottom && stack[at - 1].bound < bound[k]) {
        stack[at] = stack[at - 1];
        --at;
      }
      stack[at] = {bound[k], level - 1, index * kWidth + k};
    }
  }

  void scan_leaf(const Point& row, int index, int k, Neighbours& found, double& limit) const {
    const Leaf& leaf = leaves_[index];
    double cost[kWidth], value[kWidth];
    for (int q = 0; q < kWidth; ++q) {
      const double dx = row.at[0] - leaf.at[0][q], dy = row.at[1] - leaf.at[1][q], dz = row.at[2] - leaf.at[2][q];
      cost[q] = std::sqrt(dx * dx + dy * dy + dz * dz);
      value[q] = cost[q] - leaf.weight[q];
    }
    for (int q = 0; q < kWidth; ++q) {
      if (!(value[q] < limit)) continue;
      int at = found.count < k ? found.count++ : k - 1;
      while (at > 0 && found.value[at - 1] > value[q]) {
        found.value[at] = found.value[at - 1];
        found.cost[at] = found.cost[at - 1];
        found.index[at] = found.index[at - 1];
        --at;
      }
      found.value[at] = value[q];
      found.cost[at] = cost[q];
      found.index[at] = index * kWidth + q;
      if (found.count == k) limit = found.value[k - 1];
    }
  }

  int size_;
  std::vector<double> weight_;
  std::vector<Leaf> leaves_;
  std::vector<std::vector<Node>> levels_;  // levels_[0] lies above the leaves, the last one holds the root
};

}  // namespace latentman
