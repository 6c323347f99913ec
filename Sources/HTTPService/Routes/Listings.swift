import Access
import NIOCore
import NIOHTTP1
import OCI
import RegistryCore

// `/v2/<name>/tags/list` (end-8), `/v2/<name>/referrers/<digest>` (end-12) and `/v2/_catalog`.
extension RegistryRoutes {
  /// What a page holds when the client does not say: everything for tags, as clients expect, up to this.
  static let tagsPageLimit = 10_000
  static let catalogPageLimit = 1000

  func tags(_ request: Request, _ name: RepositoryName) async throws -> Response {
    let permit = try await permit(Pull.self, name, request)
    let query = try query(request)
    let limit = try pageSize(query, most: Self.tagsPageLimit, usual: Self.tagsPageLimit)
    let page = try await registry.tags(after: query.first("last") ?? "", limit: limit, permit: permit)
    return listed(
      Listing.tags(of: name, page.tags), request,
      next: page.next.map { "/v2/\(name)/tags/list?n=\(limit)&last=\($0)" })
  }

  func catalog(_ request: Request) async throws -> Response {
    let permit = try await access.policy.cataloguePermit(for: caller(of: request))
    let query = try query(request)
    let limit = try pageSize(query, most: Self.tagsPageLimit, usual: Self.catalogPageLimit)
    let page = try await registry.catalogue(after: query.first("last") ?? "", limit: limit, permit: permit)
    return listed(
      Listing.catalog(page.elements), request,
      next: page.next.map { "/v2/_catalog?n=\(limit)&last=\(PercentCoding.encoded($0))" })
  }

  func referrers(_ request: Request, _ name: RepositoryName, _ subject: Digest) async throws -> Response {
    let permit = try await permit(Pull.self, name, request)
    let query = try query(request)
    // Without a value it asks for nothing in particular.
    let filter = query.first("artifactType").flatMap { $0.isEmpty ? nil : $0 }
    let last = try query.first("last").map { try digest($0) }
    let page = try await registry.referrers(
      of: subject, artifactType: filter?.lowercased(), after: last, permit: permit)
    let filterPart = filter.map { "artifactType=\(PercentCoding.encoded($0))&" } ?? ""
    var response = listed(
      Listing.referrers(page.elements), request,
      next: page.next.map { "/v2/\(name)/referrers/\(subject)?\(filterPart)last=\(PercentCoding.encoded($0))" })
    response.headers[0].value = MediaType.ociIndex.text
    if filter != nil { response.headers.append(("oci-filters-applied", "artifactType")) }
    return response
  }

  private func listed(_ bytes: [UInt8], _ request: Request, next: String?) -> Response {
    var response = Response.json(.ok, bytes)
    response.headers.append(Self.apiVersion)
    if let next { response.headers.append(("link", "<\(location(request, next))>; rel=\"next\"")) }
    return response
  }

  private func pageSize(_ query: Query, most: Int, usual: Int) throws(RegistryError) -> Int {
    guard let text = query.first("n") else { return usual }
    guard let size = Int(text), size >= 0 else {
      throw RegistryError(.paginationNumberInvalid, "n must be a whole number from 0")
    }
    return min(size, most)
  }
}
