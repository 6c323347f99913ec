/// A part of the benchmark that can be run by itself.
struct Section: Sendable {
  let name: String
  let summary: String
  let run: @Sendable (Bench) throws -> Findings

  static let all: [Section] = [
    blob256MiB, blob1MiB, blob10KiB, manifests, largePush, smallPushes, tls, latency, idle, openTransfers, scale,
    collector, sharedLargePush, sharedSmallPushes, sharedPulls, sharedLists, replicas,
    searches, layerReading, inspectedPushes, matching, advisoryImport, judging,
  ]
}
