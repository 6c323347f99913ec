import Ground
import Testing

@Suite struct `The figures` {
  @Test func `are printed by name, in the order they were made`() {
    let metrics = Metrics()
    let second = metrics.counter("b_total", "B.", labels: #"route="blob""#)
    metrics.counter("b_total", "B.", labels: #"route="tag""#).increment()
    metrics.gauge("a_bytes", "A.") { 1.5 }
    second.increment(by: 3)
    #expect(
      metrics.text() == """
        # HELP a_bytes A.
        # TYPE a_bytes gauge
        a_bytes 1.5
        # HELP b_total B.
        # TYPE b_total counter
        b_total{route="blob"} 3
        b_total{route="tag"} 1

        """)
  }

  @Test func `count durations in classes that include one another`() {
    let metrics = Metrics()
    let histogram = metrics.histogram("t_seconds", "T.")
    for nanoseconds in [400_000, 500_000, 2_000_000, 90_000_000_000] as [Int64] {
      histogram.record(nanoseconds: nanoseconds)
    }
    let text = metrics.text()
    for line in [
      #"t_seconds_bucket{le="0.0005"} 2"#, #"t_seconds_bucket{le="0.001"} 2"#, #"t_seconds_bucket{le="0.005"} 3"#,
      #"t_seconds_bucket{le="60"} 3"#, #"t_seconds_bucket{le="+Inf"} 4"#, "t_seconds_count 4",
    ] {
      #expect(text.contains(line + "\n"))
    }
  }

  @Test func `count sizes in classes that include one another`() {
    let metrics = Metrics()
    let histogram = metrics.histogram("t_bytes", "T.", classes: .sizes)
    for bytes in [0, 1024, 1025, 3 << 30] as [Int64] { histogram.record(bytes: bytes) }
    let text = metrics.text()
    for line in [
      #"t_bytes_bucket{le="1024"} 2"#, #"t_bytes_bucket{le="2048"} 3"#, #"t_bytes_bucket{le="1.048576e+06"} 3"#,
      #"t_bytes_bucket{le="2.147483648e+09"} 3"#, #"t_bytes_bucket{le="+Inf"} 4"#, "t_bytes_sum 3221227521",
      "t_bytes_count 4",
    ] {
      #expect(text.contains(line + "\n"), "\(line)")
    }
  }

  @Test func `tell of the process by the names that Prometheus has for it`() throws {
    let metrics = Metrics()
    metrics.addProcess()
    let lines = metrics.text().split(separator: "\n")
    for name in [
      "process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes", "process_open_fds",
      "process_max_fds", "process_start_time_seconds",
    ] {
      let line = try #require(lines.first { $0.hasPrefix(name + " ") }, "\(name)")
      #expect(try #require(line.split(separator: " ").last.flatMap { Double($0) }) > 0, "\(line)")
    }
  }
}
