// An eps-scaled forward auction (Bertsekas): good dual values of the columns, to start the exact search from.
//
// Rows bid for columns; a bid lowers the dual value v of its column until the row's second best column is as good, and
// eps further. Spare units, one for each column that stays free, bid too; every column costs them nothing. Each row
// keeps the K columns that were best when it last asked the tree, and `beyond`, the K-th value: since v never rises,
// every column outside the list costs at least that for ever, so most bids never ask.
#pragma once

#include <queue>
#include <utility>
#include <vector>

#include "tree.hpp"

namespace latentman {

struct AuctionRules {
  int list = 16;            // K
  double first_eps = 1.0;   // eps of the first phase
  double last_eps = 0.002;  // eps of the last
  double divisor = 10.0;    // eps falls by this from phase to phase
  int bids_per_column = 50; // a phase stops here at the latest; the exact search mends what is left
};

class Auction {
 public:
  Auction(const std::vector<Point>& rows, Tree& columns, const AuctionRules& rules)
      : rows_(rows),
        columns_(columns),
        rules_(rules),
        n_(static_cast<int>(rows.size())),
        m_(columns.size()),
        k_(std::min(rules.list, columns.size())),
        index_(static_cast<std::size_t>(n_) * k_),
        cost_(static_cast<std::size_t>(n_) * k_),
        beyond_(n_) {
    for (int i = 0; i < n_; ++i) ask(i, kInfinity);
    if (n_ < m_)
      for (int j = 0; j < m_; ++j) best_columns_.emplace(columns_.weight(j), j);
  }

  // Lower the dual values, which the tree holds as its weights.
  void run() {
    for (double eps = rules_.first_eps;; eps = std::max(eps / rules_.divisor, rules_.last_eps)) {
      phase(eps);
      if (eps <= rules_.last_eps) return;
    }
  }

 private:
  struct Bid {
    int column;
    double best, second;
  };

  // Everyone bids until nobody is without a column; who lost a column last bids first.
  void phase(double eps) {
    std::vector<int> holder(m_, -1), waiting(m_);
    for (int i = 0; i < m_; ++i) waiting[i] = i;  // rows are 0 to n - 1, spare units n to m - 1
    for (long long bids = static_cast<long long>(rules_.bids_per_column) * m_; bids > 0 && !waiting.empty(); --bids) {
      const int bidder = waiting.back();
      waiting.pop_back();
      const Bid bid = bidder < n_ ? row_bid(bidder, eps) : spare_bid();
      const double lowered = columns_.weight(bid.column) - (bid.second - bid.best) - eps;
      columns_.set_weight(bid.column, lowered);
      if (bidder >= n_) best_columns_.emplace(lowered, bid.column);
      if (holder[bid.column] >= 0) waiting.push_back(holder[bid.column]);
      holder[bid.column] = bidder;
    }
  }

  Bid row_bid(int i, double eps) {
    const std::size_t start = static_cast<std::size_t>(i) * k_;
    Bid bid{-1, kInfinity, kInfinity};
    double worst = -kInfinity;
    for (std::size_t t = start; t < start + k_; ++t) {
      const double value = cost_[t] - columns_.weight(index_[t]);
      worst = std::max(worst, value);
      if (value < bid.best) {
        bid.second = bid.best;
        bid.best = value;
        bid.column = index_[t];
      } else if (value < bid.second) {
        bid.second = value;
      }
    }
    if (beyond_[i] < bid.second) {
      if (beyond_[i] > bid.best + eps) {
        bid.second = beyond_[i];  // a smaller bid than it might be, and a valid one
      } else {
        ask(i, worst);
        bid = {index_[start], found_.value[0], k_ > 1 ? found_.value[1] : found_.value[0]};
      }
    }
    if (bid.second == kInfinity) bid.second = bid.best;  // one column in all
    return bid;
  }

  // No spare unit is ever listed: the best columns for all of them are those of largest v, kept in a heap whose entries
  // may be out of date, since v falls behind its back.
  Bid spare_bid() {
    const int column = largest();
    best_columns_.pop();
    const double best = -columns_.weight(column);
    const double second = best_columns_.empty() ? best : -columns_.weight(largest());
    return {column, best, second};
  }

  int largest() {
    for (;;) {
      const auto [weight, j] = best_columns_.top();
      if (weight <= columns_.weight(j)) return j;
      best_columns_.pop();
      best_columns_.emplace(columns_.weight(j), j);
    }
  }

  void ask(int i, double worst) {
    // The K-th value is at most the largest of the old list: a bound to prune by from the start.
    columns_.query(rows_[i], k_, found_, std::nextafter(worst, kInfinity));
    const std::size_t start = static_cast<std::size_t>(i) * k_;
    for (int t = 0; t < k_; ++t) {
      index_[start + t] = found_.index[t];
      cost_[start + t] = found_.cost[t];
    }
    beyond_[i] = k_ < m_ ? found_.value[k_ - 1] : kInfinity;
  }

  const std::vector<Point>& rows_;
  Tree& columns_;
  const AuctionRules rules_;
  const int n_, m_, k_;
  std::vector<int> index_;
  std::vector<double> cost_;
  std::vector<double> beyond_;
  std::priority_queue<std::pair<double, int>> best_columns_;
  Neighbours found_;
};

}  // namespace latentman
