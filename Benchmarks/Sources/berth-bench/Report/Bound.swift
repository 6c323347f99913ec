/// A promise about a figure: at most or at least some multiple of a peer's, or some value.
struct Bound {
  enum Direction {
    case atMost
    case atLeast
  }

  var direction: Direction
  var factor: Double
  /// Whose figure is multiplied; nil for a bound in the figure's own unit.
  var peer: Subject?

  static func atMost(_ factor: Double, _ peer: Subject? = nil) -> Bound {
    Bound(direction: .atMost, factor: factor, peer: peer)
  }

  static func atLeast(_ factor: Double, _ peer: Subject? = nil) -> Bound {
    Bound(direction: .atLeast, factor: factor, peer: peer)
  }

  /// - Returns: nil where the peer was not measured.
  func isMet(by value: Double, peers: [Subject: Double]) -> Bool? {
    var limit = factor
    if let peer {
      guard let figure = peers[peer] else { return nil }
      limit *= figure
    }
    return direction == .atMost ? value <= limit : value >= limit
  }

  func text(unit: String) -> String {
    let sign = direction == .atMost ? "≤" : "≥"
    guard let peer else { return "\(sign) \(trimmed(factor)) \(unit)" }
    return "\(sign) \(trimmed(factor)) × \(peer.name)"
  }
}

/// How a figure stands to its promises.
enum Verdict {
  case nothingPromised
  case aimMet
  case mustMet
  case missed

  init(value: Double, peers: [Subject: Double], must: [Bound], aim: [Bound]) {
    let musts = must.compactMap { $0.isMet(by: value, peers: peers) }
    let aims = aim.compactMap { $0.isMet(by: value, peers: peers) }
    if musts.contains(false) {
      self = .missed
    } else if musts.isEmpty {
      self = .nothingPromised
    } else if aims.isEmpty || aims.contains(false) {
      self = .mustMet
    } else {
      self = .aimMet
    }
  }

  func text(hasAim: Bool) -> String {
    switch self {
    case .nothingPromised: "–"
    case .aimMet: "met, aim met"
    case .mustMet: hasAim ? "met, aim missed" : "met"
    case .missed: "**missed**"
    }
  }
}
