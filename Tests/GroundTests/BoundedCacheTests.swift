import Ground
import Testing

@Suite struct `A bounded cache` {
  @Test func `keeps what was used last`() {
    let cache = BoundedCache<Int, Int>(costLimit: 3)
    for key in 1...3 { cache.insert(key * 10, for: key, cost: 1) }
    #expect(cache.value(for: 1) == 10)
    cache.insert(40, for: 4, cost: 1)
    #expect(cache.value(for: 2) == nil)
    #expect([1, 3, 4].allSatisfy { cache.value(for: $0) == $0 * 10 })
  }

  @Test func `stays within its bound, whatever is put in`() {
    let cache = BoundedCache<UInt64, UInt64>(costLimit: 100)
    let chance = SeededRandom(seed: 1)
    for _ in 0..<5000 {
      let key = chance.next() % 50
      switch chance.next() % 4 {
      case 0: cache.remove(key)
      case 1: if let value = cache.value(for: key) { #expect(value == key) }
      default: cache.insert(key, for: key, cost: Int(chance.next() % 30))
      }
      #expect(cache.totalCost <= 100)
    }
  }

  @Test func `does not keep what costs more than all`() {
    let cache = BoundedCache<Int, Int>(costLimit: 10)
    cache.insert(1, for: 1, cost: 5)
    cache.insert(2, for: 1, cost: 11)
    #expect(cache.value(for: 1) == nil)
    #expect(cache.totalCost == 0)
  }

  @Test func `does not take what was read before something was removed`() {
    let cache = BoundedCache<Int, Int>(costLimit: 10)
    let before = cache.generation
    cache.remove(7)
    cache.insert(1, for: 7, cost: 1, since: before)
    #expect(cache.value(for: 7) == nil)
    cache.insert(2, for: 7, cost: 1, since: cache.generation)
    #expect(cache.value(for: 7) == 2)
    let later = cache.generation
    cache.removeAll()
    cache.insert(3, for: 7, cost: 1, since: later)
    #expect(cache.count == 0)
  }
}
