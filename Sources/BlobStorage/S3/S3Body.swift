internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import OCI

/// The bytes of a range as they arrive. A connection that breaks off is followed by another, from where it stopped.
struct S3Body: AsyncSequence, Sendable {
  typealias Element = ByteBuffer
  /// How often in a row it may break off without a byte.
  private static let breakLimit = 4

  let client: S3Client
  let key: String
  let range: ByteRange
  let first: HTTPClientResponse

  func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(
      client: client, key: key, end: range.last, next: range.first, entityTag: first.headers.first(name: "etag"),
      chunks: first.body.makeAsyncIterator())
  }

  struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let client: S3Client
    fileprivate let key: String
    fileprivate let end: Int64
    fileprivate var next: Int64
    fileprivate let entityTag: String?
    fileprivate var chunks: HTTPClientResponse.Body.AsyncIterator
    fileprivate var breaks = 0

    mutating func next() async throws -> ByteBuffer? {
      while next <= end {
        let reason: String
        do {
          if let chunk = try await chunks.next() {
            guard Int64(chunk.readableBytes) <= end - next + 1 else {
              throw ObjectStoreError.unavailable("it sent more bytes than were asked for")
            }
            guard chunk.readableBytes > 0 else { continue }
            breaks = 0
            next += Int64(chunk.readableBytes)
            client.count { $0.bytesReceived += Int64(chunk.readableBytes) }
            return chunk
          }
          reason = "the answer ended early"
        } catch let error as ObjectStoreError {
          throw error
        } catch let error as CancellationError {
          throw error
        } catch {
          reason = "\(error)"
        }
        breaks += 1
        guard breaks <= S3Body.breakLimit else { throw ObjectStoreError.unavailable(reason) }
        client.count { $0.retries += 1 }
        chunks = try await client.open(key, ByteRange(first: next, last: end), entityTag: entityTag).body
          .makeAsyncIterator()
      }
      return nil
    }
  }
}
