import Glibc
import Testing

extension EndToEnd {
  @Suite struct AddressTests {
    @Test("curl pushes and pulls through a unix socket")
    func unixSocket() async throws {
      let folder = try Workspace()
      let path = folder.file("berth.sock")
      try await withServer(address: .unixSocket(path: path)) { _, workspace in
        try await roundTrip(Curl(workspace: workspace, options: ["--unix-socket", path]), base: "http://localhost")
      }
    }

    @Test("a socket that a killed server left behind is taken over")
    func staleSocket() async throws {
      let folder = try Workspace()
      let path = folder.file("berth.sock")
      try await withServer(address: .unixSocket(path: path)) { server, workspace in
        await server.killHard()
        try await server.start()
        let curl = Curl(workspace: workspace, options: ["--unix-socket", path])
        #expect(try await curl.request("GET", "http://localhost/v2/").status == 200)
      }
    }

    // ctr is the one client here whose references take a literal IPv6 address.
    @Test("ctr and curl push and pull over IPv6")
    func ipv6() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer(address: .free6()) { server, workspace in
        try await roundTrip(Curl(workspace: workspace), base: "http://\(server.address.authority)")
        let containerd = try await Containerd(in: workspace)
        let reference = "\(server.address.authority)/acme/api:1.0"
        try await containerd.push(image, to: reference)
        #expect(try await RegistryReader.verify(server.address, "acme/api", "1.0") == image.digest())
        #expect(try await containerd.pull(reference) == image.configDigest())
      }
    }

    @Test("an address without a host is listened on where there is no IPv6, as in most containers")
    func withoutIPv6() async throws {
      let workspace = try Workspace()
      let log = try TemporaryFile()
      func printed() -> String { String(decoding: log.contents(), as: UTF8.self) }
      // What a container has: loopback, and an address of IPv4 to others.
      let enter = """
        no_ipv6=/proc/sys/net/ipv6/conf/all/disable_ipv6
        [ ! -e $no_ipv6 ] || echo 1 > $no_ipv6
        ip link set lo up
        ip address add 192.0.2.1/32 dev lo
        exec "$@"
        """
      let serve = [ServerProcess.binary, "serve", "--listen", ":5000", "--data", workspace.file("data")]
      let server = try ChildProcess(
        path: "/usr/bin/unshare", arguments: ["--net", "sh", "-ec", enter, "sh"] + serve,
        environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"], output: log.descriptor, errors: log.descriptor,
        ownGroup: false)
      defer { server.kill(SIGKILL) }
      try await eventually("the server listens\n\(printed())") {
        if let ending = server.ending { throw HarnessError("the server ended with \(ending)\n\(printed())") }
        return printed().contains(#""message":"ready""#)
      }
      server.kill(SIGTERM)
      #expect(await server.ended() == .exited(0), "\(printed())")
      workspace.remove()
    }

    private func roundTrip(_ curl: Curl, base: String) async throws {
      let bytes = randomBytes(1 << 20)
      let file = try curl.workspace.write(bytes, to: "blob")
      #expect(try await curl.pushBlob(file, digest: sha256(bytes), to: "acme/api", at: base).status == 201)
      let answer = try await curl.request("GET", "\(base)/v2/acme/api/blobs/\(sha256(bytes))")
      #expect(answer.status == 200)
      #expect(sha256(answer.body) == sha256(bytes))
    }
  }
}
