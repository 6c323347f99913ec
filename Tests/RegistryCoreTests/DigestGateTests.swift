import Ground
import OCI
import TestSupport
import Testing

@testable import RegistryCore

@Suite struct `The gate of a digest` {
  let digest = SampleBlob(seed: 1, size: 1).digest

  @Test func `lets many publishers in, and no collector while one is inside`() throws {
    try SeededExecutor.run(seed: 1) { [digest] in
      let gate = DigestGate()
      await gate.publishing(digest) {
        await gate.publishing(digest) { #expect(!gate.claim(digest)) }
        #expect(!gate.claim(digest))
      }
      #expect(gate.claim(digest))
      #expect(!gate.claim(digest))
      gate.release(digest)
      #expect(gate.claim(digest))
    }
  }

  @Test func `keeps each digest apart`() {
    let gate = DigestGate()
    #expect(gate.claim(digest))
    #expect(gate.claim(SampleBlob(seed: 2, size: 1).digest))
  }

  @Test(arguments: 0..<50 as Range<UInt64>)
  func `never has a publisher and a collector inside together, whatever the order`(seed: UInt64) throws {
    try SeededExecutor.run(seed: seed) { [digest] in
      let gate = DigestGate()
      let inside = Live((publishers: 0, collectors: 0, published: 0))
      await withTaskGroup { group in
        for _ in 0..<6 {
          group.addTask {
            await gate.publishing(digest) {
              inside.value.publishers += 1
              #expect(inside.value.collectors == 0)
              await Task.yield()
              inside.value.publishers -= 1
              inside.value.published += 1
            }
          }
          group.addTask {
            await Task.yield()
            guard gate.claim(digest) else { return }
            inside.value.collectors += 1
            #expect(inside.value.publishers == 0 && inside.value.collectors == 1)
            await Task.yield()
            inside.value.collectors -= 1
            gate.release(digest)
          }
        }
      }
      #expect(inside.value.published == 6)
    }
  }
}
