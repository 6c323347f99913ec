import Ground
import Testing

@Suite struct `Work that is committed in groups` {
  struct Odd: Error {}

  @Test(arguments: [1, 3, 64])
  func `is each answered with its own outcome, and no group is larger than allowed`(limit: Int) async {
    let sizes = Live<[Int]>([])
    let commits = GroupCommit<Int>(limit: limit) { jobs in
      sizes.value += [jobs.count]
      return jobs.map { $0 % 2 == 1 ? Odd() : nil }
    }
    let failed = await withTaskGroup { group in
      for job in 0..<500 {
        group.addTask {
          do {
            try await commits.submit(job)
            return job % 2 == 0
          } catch { return job % 2 == 1 }
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 0 : 1) }
    }
    #expect(failed == 0)
    #expect(sizes.value.reduce(0, +) == 500)
    #expect(sizes.value.allSatisfy { (1...limit).contains($0) })
    #expect(commits.queueLength == 0)
  }

  @Test func `runs on a pool's threads, which end when they are told`() async {
    let pool = WorkerPool(name: "test", threads: 2)
    let sum = await withTaskExecutorPreference(pool) {
      await withTaskGroup { group in
        for number in 1...1000 { group.addTask { number } }
        return await group.reduce(0, +)
      }
    }
    #expect(sum == 500_500)
    pool.stop()
  }
}
