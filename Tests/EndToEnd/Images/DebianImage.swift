import Foundation

/// A real image: packages of the distribution this machine runs, fetched with the sources it is configured with.
enum DebianImage {
  /// Makes an OCI layout with four layers: the file system, links to its shell, random data, an application.
  static func make(in workspace: Workspace) async throws -> LayoutImage {
    let base = workspace.file("base.tar")
    try await ProgramRunner.succeed(
      "mmdebstrap",
      ["--quiet", "--variant=extract", "--include=base-files,busybox-static", suite(), base] + sources(),
      timeoutSeconds: 180)
    let image = LayoutImage(path: workspace.file("debian"), tag: "1.0")
    let name = "\(image.path):\(image.tag)"
    try await umoci(["init", "--layout", image.path])
    try await umoci(["new", "--image", name])
    try await umoci(["raw", "add-layer", "--image", name, base])

    let shell = try workspace.folder("shell/usr/local/bin")
    for applet in ["ls", "cat", "echo"] {
      try FileManager.default.createSymbolicLink(atPath: "\(shell)/\(applet)", withDestinationPath: "/bin/busybox")
    }
    _ = try workspace.folder("noise/srv")
    _ = try workspace.write(randomBytes(3 << 20), to: "noise/srv/noise.bin")
    _ = try workspace.folder("app/opt/app")
    _ = try workspace.write("#!/bin/busybox sh\necho ahoy\n", to: "app/opt/app/run")
    for layer in ["shell", "noise", "app"] {
      let archive = try await tar(workspace.file(layer), to: workspace.file("\(layer).tar"))
      try await umoci(["raw", "add-layer", "--image", name, archive])
    }
    try await umoci(
      [
        "config", "--image", name, "--config.cmd", "/opt/app/run", "--config.label",
        "org.opencontainers.image.title=ahoy",
      ])
    return image
  }

  /// The same archive for the same files, whenever and wherever it is made.
  static func tar(_ folder: String, to archive: String) async throws -> String {
    try await ProgramRunner.succeed(
      "tar",
      ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-C", folder, "-cf", archive, "."])
    return archive
  }

  static func umoci(_ arguments: [String]) async throws { try await ProgramRunner.succeed("umoci", arguments) }

  /// The code name of the distribution, `bookworm`.
  static func suite() throws -> String {
    let release = String(decoding: try readFile("/etc/os-release"), as: UTF8.self)
    let line = release.split(separator: "\n").first { $0.hasPrefix("VERSION_CODENAME=") }
    guard let line else { throw HarnessError("/etc/os-release names no VERSION_CODENAME: not Debian or Ubuntu") }
    return line.dropFirst("VERSION_CODENAME=".count).trimmingCharacters(in: CharacterSet(charactersIn: "\""))
  }

  /// The distribution's own lists of mirrors that this machine has; none means mmdebstrap's defaults.
  static func sources() -> [String] {
    let candidates = [
      "/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list.d/ubuntu.sources",
    ]
    return candidates.filter { path in
      let lines = ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n")
      return lines.contains { $0.hasPrefix("deb ") || $0.hasPrefix("Types:") }
    }
  }
}
