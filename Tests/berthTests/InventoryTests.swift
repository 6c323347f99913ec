import OCI
import Scanning
import Testing

@testable import berth

@Suite struct `An inventory on the command line` {
  @Test func `has packages of one type alone where one is asked for, whatever it is written as`() {
    func package(_ type: String, _ name: String) -> JSONValue { ["type": .string(type), "name": .string(name)] }
    func image(_ packages: [JSONValue]) -> JSONValue {
      ["image": "acme/api", "contents": .array(packages), "notices": [["kind": "setuid"]]]
    }
    let (debian, node) = (package("deb", "curl"), package("npm", "left-pad"))
    let all = image([debian, node, package("deb", "zlib1g")])
    #expect(InventoryCommand.image(all, withPackagesOf: nil) == all)
    #expect(InventoryCommand.image(all, withPackagesOf: PackageTypeName(argument: "npm")?.type) == image([node]))
    #expect(
      InventoryCommand.image(all, withPackagesOf: PackageTypeName(argument: "deb")?.type)
        == image([debian, package("deb", "zlib1g")]))
    // One that is not read has none.
    #expect(InventoryCommand.image(["state": "waiting"], withPackagesOf: .npm) == ["state": "waiting"])
  }
}
