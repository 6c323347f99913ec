import TestSupport
import Testing

extension Conformance {
  @Suite("end-2: ranges and conditions")
  struct Ranges {
    static let size = 2048
    let repository = Repository()
    let client = RegistryUnderTest.client

    @Test(
      "end-2: a single range is answered by 206 with exactly those bytes",
      arguments: [
        ("bytes=500-1499", 500...1499), ("bytes=500-", 500...2047), ("bytes=-500", 1548...2047),
        ("bytes=2000-5000", 2000...2047), ("bytes=0-0", 0...0), ("bytes=2047-2047", 2047...2047),
        ("bytes=0-2047", 0...2047), ("bytes=0-", 0...2047), ("bytes=-1", 2047...2047), ("bytes=-5000", 0...2047),
        ("bytes=0-18446744073709551615", 0...2047),
      ])
    func satisfiable(_ header: String, _ expected: ClosedRange<Int>) async throws {
      let blob = try await repository.push(.unique(size: Self.size))
      let answer = try await client("GET", repository.blob(blob.digest), ["Range": header])
      #expect(answer.status == 206)
      #expect(answer.body == Array(blob.bytes[expected]))
      #expect(answer.first("Content-Length") == "\(expected.count)")
      #expect(answer.first("Content-Range") == "bytes \(expected.lowerBound)-\(expected.upperBound)/\(Self.size)")
      let digest = answer.first("Docker-Content-Digest")
      #expect(digest == nil || digest == blob.digest)
    }

    @Test(
      "end-2: a range outside the blob is answered by 416",
      arguments: ["bytes=5000-10000", "bytes=2048-", "bytes=500-0", "bytes=-0"])
    func unsatisfiable(_ header: String) async throws {
      let blob = try await repository.push(.unique(size: Self.size))
      let answer = try await client("GET", repository.blob(blob.digest), ["Range": header])
      #expect(answer.status == 416)
      #expect(answer.first("Content-Range") == "bytes */\(Self.size)")
    }

    @Test(
      "end-2: what is not a single range of bytes is ignored",
      arguments: ["bytes=a-b", "bytes=", "bytes", "lines=1-2", "bytes=--5", "bytes=0-1,5-6", "bytes=1-2-3", "0-5"])
    func ignored(_ header: String) async throws {
      let blob = try await repository.push(.unique(size: Self.size))
      let answer = try await client("GET", repository.blob(blob.digest), ["Range": header])
      #expect(answer.status == 200)
      #expect(answer.body == blob.bytes)
    }

    @Test("end-2: HEAD knows no ranges (RFC 9110, section 14.2)")
    func headIgnoresRange() async throws {
      let blob = try await repository.push(.unique(size: Self.size))
      let answer = try await client("HEAD", repository.blob(blob.digest), ["Range": "bytes=0-9"])
      #expect(answer.status == 200)
      #expect(answer.first("Content-Length") == "\(Self.size)")
    }

    @Test("end-2: any range of an empty blob is answered by 416 or by the empty whole")
    func emptyBlob() async throws {
      let blob = try await repository.push(Content(text: ""))
      let answer = try await client("GET", repository.blob(blob.digest), ["Range": "bytes=0-"])
      #expect([200, 416].contains(answer.status))
    }

    @Test("end-2: the parts of an interrupted pull make the whole")
    func resumedPull() async throws {
      let blob = try await repository.push(.unique(size: 300_000))
      var bytes: [UInt8] = []
      while bytes.count < blob.bytes.count {
        let last = bytes.count + 99_999
        let header = "bytes=\(bytes.count)-\(last)"
        let answer = try await client("GET", repository.blob(blob.digest), ["Range": header])
        try #require(answer.status == 206)
        bytes += answer.body
      }
      #expect(bytes == blob.bytes)
    }

    @Test("end-2: the entity tag is strong and names the digest")
    func entityTag() async throws {
      let blob = try await repository.push(.unique())
      let answer = try await client("GET", repository.blob(blob.digest))
      #expect(answer.first("ETag") == "\"\(blob.digest)\"")
    }

    @Test("end-2: If-None-Match with the entity tag answers 304 without a body", arguments: ["GET", "HEAD"])
    func notModified(_ method: String) async throws {
      let blob = try await repository.push(.unique())
      let tag = try #require(try await client("HEAD", repository.blob(blob.digest)).first("ETag"))
      for value in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
        let answer = try await client(method, repository.blob(blob.digest), ["If-None-Match": value])
        #expect(answer.status == 304, "\(value)")
        #expect(answer.first("ETag") == tag)
      }
      let other = try await client("GET", repository.blob(blob.digest), ["If-None-Match": "\"other\""])
      #expect(other.status == 200)
      #expect(other.body == blob.bytes)
    }

    @Test("end-2: If-None-Match comes before Range")
    func conditionBeforeRange() async throws {
      let blob = try await repository.push(.unique())
      let tag = try #require(try await client("HEAD", repository.blob(blob.digest)).first("ETag"))
      let answer = try await client(
        "GET", repository.blob(blob.digest), ["If-None-Match": tag, "Range": "bytes=0-1"])
      #expect(answer.status == 304)
    }

    @Test("end-2: If-Range with the entity tag keeps the range, with another one gives the whole")
    func ifRange() async throws {
      let blob = try await repository.push(.unique(size: Self.size))
      let target = repository.blob(blob.digest)
      let tag = try #require(try await client("HEAD", target).first("ETag"))
      let same = try await client("GET", target, ["Range": "bytes=10-19", "If-Range": tag])
      #expect(same.status == 206)
      #expect(same.body == Array(blob.bytes[10...19]))
      for other in ["\"other\"", "W/\(tag)", "Wed, 21 Oct 2015 07:28:00 GMT"] {
        let answer = try await client("GET", target, ["Range": "bytes=10-19", "If-Range": other])
        #expect(answer.status == 200, "\(other)")
        #expect(answer.body == blob.bytes)
      }
    }

    @Test("end-2: a condition on a blob that is gone answers 404, not 304")
    func goneIsGone() async throws {
      let blob = try await repository.push(.unique())
      let tag = try #require(try await client("HEAD", repository.blob(blob.digest)).first("ETag"))
      #expect(try await client("DELETE", repository.blob(blob.digest)).status == 202)
      let answer = try await client("GET", repository.blob(blob.digest), ["If-None-Match": tag])
      #expect(answer.status == 404)
    }
  }
}
