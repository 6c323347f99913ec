/// The samples of every server, by subject.
typealias Samples<Value> = [Subject: [Value]]

/// Lets the servers take turns, A B C A B C …, so that a machine that grows slower or quicker does so for all of them.
///
/// - Parameter rounds: turns of each server that count. A shorter one before them, which warms caches, does not.
func takeTurns<Value>(
  _ servers: [Server], rounds: Int, warmUp: ((Server) throws -> Void)? = nil, _ turn: (Server, Int) throws -> Value
) throws -> Samples<Value> {
  for server in servers { try warmUp?(server) }
  var samples: Samples<Value> = [:]
  for round in 0..<rounds {
    for server in servers {
      samples[server.subject, default: []].append(try turn(server, round))
    }
  }
  return samples
}

/// The median of one figure, by subject.
func medians<Value>(_ samples: Samples<Value>, _ figure: (Value) -> Double) -> [Subject: Double] {
  samples.mapValues { median($0.map(figure)) }
}
