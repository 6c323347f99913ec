import Foundation

/// A Debian system that is installed, with packages of Python, Node and Java and a Go program above it.
struct FullImage {
  let layout: LayoutImage
  /// What the tools of each kind say is in it: `name version`, sorted.
  let debian: [String]
  let python: [String]
  let node: [String]
  let java: [String]
  let go: [String]

  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: ".build-tools/venv/bin").path()

  static func make(in workspace: Workspace) async throws -> FullImage {
    let base = workspace.file("base.tar")
    let excluded = ["doc", "locale", "man", "info"].map { "--dpkgopt=path-exclude=/usr/share/\($0)/*" }
    try await ProgramRunner.succeed(
      "mmdebstrap",
      ["--quiet", "--variant=essential"] + excluded + [try DebianImage.suite(), base] + DebianImage.sources(),
      timeoutSeconds: 240)
    let root = try workspace.folder("root")
    try await ProgramRunner.succeed("tar", ["-C", root, "-xf", base, "./var/lib/dpkg"])
    let debian = try await lines(
      "dpkg-query", ["--admindir", "\(root)/var/lib/dpkg", "-W", "-f", "${Package} ${Version}\\n"])

    let site = try workspace.folder("app/usr/local/lib/python3/site-packages")
    let pip = "\(folder)/pip"
    try await ProgramRunner.succeed(
      pip,
      ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", site, "idna==3.7", "six==1.16.0"])
    let python = try await lines(pip, ["list", "--disable-pip-version-check", "--path", site, "--format", "freeze"])
      .map { $0.replacingOccurrences(of: "==", with: " ") }

    let node = ["@made/right 2.0.0", "made-left 1.2.3"]
    var locked = #""":{"name":"web","version":"0.1.0"}"#
    for package in node {
      let words = package.split(separator: " ")
      let place = "node_modules/\(words[0])"
      _ = try workspace.folder("app/srv/web/\(place)")
      let text = #"{"name":"\#(words[0])","version":"\#(words[1])","license":"MIT"}"#
      _ = try workspace.write(text, to: "app/srv/web/\(place)/package.json")
      locked += #","\#(place)":{"version":"\#(words[1])","license":"MIT"}"#
    }
    let lock = #"{"name":"web","version":"0.1.0","lockfileVersion":3,"packages":{\#(locked)}}"#
    _ = try workspace.write(#"{"name":"web","version":"0.1.0"}"#, to: "app/srv/web/package.json")
    _ = try workspace.write(lock, to: "app/srv/web/package-lock.json")

    _ = try workspace.folder("app/opt/app")
    _ = try workspace.folder("jar/META-INF/maven/org.made/ship")
    _ = try workspace.write(
      "artifactId=ship\ngroupId=org.made\nversion=3.1.4\n", to: "jar/META-INF/maven/org.made/ship/pom.properties")
    try await ProgramRunner.succeed(
      "\(folder)/python3",
      ["-m", "zipfile", "-c", workspace.file("app/opt/app/ship.jar"), workspace.file("jar/META-INF")])

    // Programs of Debian are made without modules.
    let program = ProcessInfo.processInfo.environment["BERTH_TEST_WEED"] ?? "\(folder)/weed"
    _ = try workspace.folder("app/usr/local/bin")
    try FileManager.default.copyItem(atPath: program, toPath: workspace.file("app/usr/local/bin/weed"))
    let modules = try await lines("grep", ["-a", "-o", "-h", "-P", "^(mod|dep)\\t[^\\t]+\\t[^\\t]+", program])
    let go = Set(modules.map { $0.split(separator: "\t").dropFirst().joined(separator: " ") }).sorted()

    let image = LayoutImage(path: workspace.file("full"), tag: "1.0")
    let name = "\(image.path):\(image.tag)"
    try await DebianImage.umoci(["init", "--layout", image.path])
    try await DebianImage.umoci(["new", "--image", name])
    let app = try await DebianImage.tar(workspace.file("app"), to: workspace.file("app.tar"))
    for layer in [base, app] { try await DebianImage.umoci(["raw", "add-layer", "--image", name, layer]) }
    return FullImage(
      layout: image, debian: debian, python: python, node: node, java: ["org.made:ship 3.1.4"], go: go)
  }

  private static func lines(_ program: String, _ arguments: [String]) async throws -> [String] {
    try await ProgramRunner.succeed(program, arguments).text.split(separator: "\n").map { String($0) }.sorted()
  }
}
