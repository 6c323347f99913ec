import Foundation
import Testing

extension EndToEnd {
  /// What systemd is told of a unit of the type notify, sd_notify(3).
  @Suite struct ServiceManagerTests {
    @Test("the service manager is told of readiness, of a reload and its end, and of the stop when it begins")
    func told() async throws {
      let folder = try Workspace()
      let manager = try NotifySocket(path: folder.file("notify"))
      // A stop that has hardly begun for as long as the test lasts.
      let settings = "limits:\n  drain_delay: 10m\n"
      let environment = ["NOTIFY_SOCKET": folder.file("notify")]
      try await withServer(configuration: settings, environment: environment) { server, workspace in
        #expect(try await manager.next() == "READY=1")
        for text in ["limits:\n  drain_delay: 10m\n  blob_bytes: 1 GiB\n", "limits:\n  drain_delay: soon\n"] {
          _ = try workspace.write(text, to: "berth.yaml")
          server.reload()
          let lines = try await manager.next().split(separator: "\n")
          #expect(lines.first == "RELOADING=1")
          #expect(lines.last?.hasPrefix("MONOTONIC_USEC=") == true)
          #expect(try await manager.next() == "READY=1")
        }
        server.beginStopping()
        #expect(try await manager.next() == "STOPPING=1")
        #expect(try await RegistryReader.get(server.address, "/v2/").status == 200, "requests are served on meanwhile")
        // A reload meanwhile is carried out (here: refused a second time), and not told.
        server.reload()
        try await eventually("the reload has been carried out") {
          server.story.components(separatedBy: "configuration cannot be used").count == 3
        }
        #expect(manager.nextAtHand() == nil)
        await server.killHard()
      }
    }

    @Test("a stop or a reload in the moment of readiness is one")
    func atOnce() async throws {
      let workspace = try Workspace()
      let manager = try NotifySocket(path: workspace.file("notify"))
      let server = try ServerProcess(
        dataDirectory: workspace.file("data"), environment: ["NOTIFY_SOCKET": workspace.file("notify")])
      async let start: Void? = try? server.start()
      #expect(try await manager.next() == "READY=1")
      server.reload()
      #expect(try await manager.next().hasPrefix("RELOADING=1"))
      #expect(try await manager.next() == "READY=1")
      server.beginStopping()
      #expect(try await manager.next() == "STOPPING=1")
      // It may have been seen to answer, or to have ended.
      _ = await start
      #expect(await server.ended() == .exited(0), "\(server.story)")
      workspace.remove()
    }
  }
}
