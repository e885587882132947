// Shortest augmenting paths (Jonker and Volgenant; Dijkstra on reduced costs) on the complete graph, without its
// matrix: an optimal matching and dual values that prove it, from any dual values of the columns.
//
// Each row has a list of columns and `beyond`: every column outside the list costs the row at least that much, now and
// for ever, since dual values of columns only fall. A search relaxes the list and puts an event at `beyond` into its
// heap; if that event comes up before a free column does, the list was too short, and the tree is asked again. That
// is what makes the sparse search exact on the complete graph.
//
// With n < m there are m - n spare units that cost nothing to every column and are never told apart: one "super row"
// with the dual value u0. Columns that they hold are left over in the answer.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "tree.hpp"

namespace latentman {

class Paths {
 public:
  // The dual values of the columns are the tree's weights; they are changed in place.
  Paths(const std::vector<Point>& rows, Tree& columns, int list)
      : rows_(rows),
        columns_(columns),
        n_(static_cast<int>(rows.size())),
        m_(columns.size()),
        list_(std::min(list, columns.size())),
        lists_(n_),
        u_(n_),
        column_of_(n_, kNone),
        holder_(m_, kNone),
        distance_(m_, kInfinity),
        before_(m_, kNone),
        done_(m_, 0),
        reached_at_(n_) {}

  void solve() {
    place_spare_units();
    match_tight_edges();
    for (int pass = 0; pass < 2; ++pass) reduce_rows();
    for (const int i : free_) u_[i] = least(i);
    for (const int i : free_) augment(i);
  }

  const std::vector<int>& column_of() const { return column_of_; }
  // Dual values as the certificate wants them: columns that are left over have v = 0.
  double u(int i) const { return u_[i] - spare_u_; }
  double v(int j) const { return columns_.weight(j) + spare_u_; }

 private:
  static constexpr int kNone = -1, kSpare = -2;
  static constexpr int kLongList = 64;

  struct List {
    std::vector<std::pair<int, double>> edges;  // column, cost; ascending by value when they were asked for
    double beyond = kInfinity;
    double beyond_short = kInfinity;  // `beyond` if only the first list_ edges are kept
  };

  struct Event {
    double at;
    int what;  // column j, or -(i + 1): the list of row i ends here
    bool operator<(const Event& other) const { return at > other.at; }
  };

  double v_of(int j) const { return columns_.weight(j); }

  void ask(int i, int k) {
    columns_.query(rows_[i], k, found_);
    List& list = lists_[i];
    list.edges.clear();
    for (int t = 0; t < found_.count; ++t) list.edges.emplace_back(found_.index[t], found_.cost[t]);
    list.beyond = found_.count == m_ ? kInfinity : found_.value[found_.count - 1];
    list.beyond_short = found_.count > list_ ? found_.value[list_ - 1] : list.beyond;
  }

  // The m - n columns of largest v go to the spare units; all of them get the smallest v among them, so that every
  // one is tight.
  void place_spare_units() {
    if (n_ == m_) return;
    std::vector<int> order(m_);
    std::iota(order.begin(), order.end(), 0);
    const int spare = m_ - n_;
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return v_of(a) > v_of(b); });
    const double level = v_of(order[spare - 1]);
    for (int t = 0; t < spare; ++t) {
      columns_.set_weight(order[t], level);
      holder_[order[t]] = kSpare;
    }
    spare_u_ = -level;
  }

  void match_tight_edges() {
    for (int i = 0; i < n_; ++i) {
      ask(i, list_);
      u_[i] = found_.value[0];
      const int j = found_.index[0];
      if (holder_[j] == kNone) {
        holder_[j] = i;
        column_of_[i] = j;
      } else {
        free_.push_back(i);
      }
    }
  }

  // Augmenting row reduction: an auction whose eps is 0. A row takes its best column and lowers its v to the second
  // best; whom it drives out goes next if v really fell, else it waits for the next pass. A spare unit that is driven
  // out would need a search, so columns of spare units are let alone.
  void reduce_rows() {
    std::vector<int> waiting(free_.rbegin(), free_.rend()), later;
    for (std::size_t steps = 2 * waiting.size() + 10; steps > 0 && !waiting.empty(); --steps) {
      const int i = waiting.back();
      waiting.pop_back();
      int best = kNone, next = kNone;
      double least = kInfinity, second = kInfinity;
      for (const auto& [j, cost] : lists_[i].edges) {
        const double value = cost - v_of(j);
        if (value < least) {
          second = least;
          next = best;
          least = value;
          best = j;
        } else if (value < second) {
          second = value;
          next = j;
        }
      }
      const double beyond = lists_[i].beyond;
      if (beyond < second) {
        if (beyond <= least) {
          later.push_back(i);
          continue;
        }
        second = beyond;
        next = kNone;
      }
      if (holder_[best] == kSpare) {
        const bool tied = next != kNone && second == least && holder_[next] != kSpare;
        if (!tied) {
          later.push_back(i);
          continue;
        }
        best = next;
      }
      const double step = second < kInfinity ? second - least : 0.0;
      const int loser = holder_[best];
      if (step > 0) columns_.set_weight(best, v_of(best) - step);
      u_[i] = least + step;
      holder_[best] = i;
      column_of_[i] = best;
      if (loser >= 0) {
        column_of_[loser] = kNone;
        (step > kRealStep ? waiting : later).push_back(loser);
      }
    }
    free_ = std::move(later);
    free_.insert(free_.end(), waiting.rbegin(), waiting.rend());
  }

  // A value that no column undercuts for row i.
  double least(int i) const {
    double value = lists_[i].beyond;
    for (const auto& [j, cost] : lists_[i].edges) value = std::min(value, cost - v_of(j));
    return value;
  }

  // One search: from a free row to the nearest column that nobody holds.
  void augment(int start) {
    best_ = kInfinity;
    best_column_ = kNone;
    bool spare_seen = false;
    double spare_at = 0.0;
    scan(start, 0.0);
    while (!events_.empty() && events_.front().at < best_) {
      const Event event = events_.front();
      std::pop_heap(events_.begin(), events_.end());
      events_.pop_back();
      if (event.what < 0) {
        lengthen(-event.what - 1);
        continue;
      }
      const int j = event.what;
      if (done_[j] || event.at > distance_[j]) continue;
      done_[j] = 1;
      settled_.push_back(j);
      if (holder_[j] != kSpare) {
        scan(holder_[j], event.at);
      } else if (!spare_seen) {
        spare_seen = true;
        spare_at = event.at;
        for (int other = 0; other < m_; ++other) relax(other, event.at, -spare_u_ - v_of(other), kSpare - 1 - j);
      }
    }
    for (const int i : scanned_) u_[i] += best_ - reached_at_[i];
    if (spare_seen) spare_u_ += best_ - spare_at;
    for (const int j : settled_) columns_.set_weight(j, v_of(j) + (distance_[j] - best_));
    turn_path(start);
    forget_search();
  }

  // Relax the edges of row i, reached at distance `at`.
  void scan(int i, double at) {
    reached_at_[i] = at;
    scanned_.push_back(i);
    relax_list(i);
  }

  void relax_list(int i) {
    for (const auto& [j, cost] : lists_[i].edges) relax(j, reached_at_[i], cost - u_[i] - v_of(j), i);
    const double end = reached_at_[i] + std::max(lists_[i].beyond - u_[i], 0.0);
    if (end < best_) push({end, -(i + 1)});
  }

  // The search has come to the end of a row's list: ask for the columns behind it, under the present dual values, and
  // for more of them if that alone shows nothing new.
  void lengthen(int i) {
    const double before = lists_[i].beyond;
    const int k = static_cast<int>(lists_[i].edges.size());
    ask(i, k);
    if (lists_[i].beyond <= before + kRealStep && k < m_) ask(i, std::min(2 * k, m_));
    lists_[i].beyond = std::max(lists_[i].beyond, before);
    relax_list(i);
  }

  void relax(int j, double at, double reduced, int from) {
    if (done_[j]) return;
    const double reached = at + std::max(reduced, 0.0);  // rounding may leave a tight edge slightly below 0
    if (!(reached < best_ && reached < distance_[j])) return;
    if (distance_[j] == kInfinity) touched_.push_back(j);
    distance_[j] = reached;
    before_[j] = from;
    if (holder_[j] == kNone) {
      best_ = reached;
      best_column_ = j;
    } else {
      push({reached, j});
    }
  }

  void push(const Event& event) {
    events_.push_back(event);
    std::push_heap(events_.begin(), events_.end());
  }

  // Everyone on the path to the free column takes the next column.
  void turn_path(int start) {
    for (int j = best_column_;;) {
      const int from = before_[j];
      if (from <= kSpare - 1) {  // a spare unit moves here from the column that it held
        holder_[j] = kSpare;
        j = kSpare - 1 - from;
        continue;
      }
      const int previous = column_of_[from];
      holder_[j] = from;
      column_of_[from] = j;
      if (from == start) return;
      j = previous;
    }
  }

  void forget_search() {
    for (const int j : touched_) {
      distance_[j] = kInfinity;
      done_[j] = 0;
    }
    // A list that grew very long is cut again: the memory must not grow with n * m where features are all alike.
    for (const int i : scanned_) {
      List& list = lists_[i];
      if (static_cast<int>(list.edges.size()) > std::max(kLongList, list_)) {
        list.edges.resize(list_);
        list.edges.shrink_to_fit();
        list.beyond = list.beyond_short;
      }
    }
    touched_.clear();
    settled_.clear();
    scanned_.clear();
    events_.clear();
  }

  static constexpr double kRealStep = 1e-9;

  const std::vector<Point>& rows_;
  Tree& columns_;
  const int n_, m_, list_;
  std::vector<List> lists_;
  std::vector<double> u_;
  double spare_u_ = 0.0;
  std::vector<int> column_of_, holder_, free_;

  // One search.
  std::vector<double> distance_;
  std::vector<int> before_;
  std::vector<char> done_;
  std::vector<double> reached_at_;
  std::vector<int> touched_, settled_, scanned_;
  std::vector<Event> events_;
  double best_ = kInfinity;
  int best_column_ = kNone;
  Neighbours found_;
};

}  // namespace latentman
