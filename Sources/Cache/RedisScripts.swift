internal import Base
internal import RedisLink

/// The scripts that make each change one step in Redis. All of them first make sure that the data set is the one this
/// node joined: after a FLUSHALL or a restored snapshot they refuse, and the node joins anew.
enum RedisScript: String, CaseIterable, Sendable {
  case write, commitRule, commitKeys, closure, removeMarked, join, roll, pruneEdges, tellOnce

  var text: String {
    switch self {
    case .write: Self.writeText
    case .commitRule: Self.commitRuleText
    case .commitKeys: Self.commitKeysText
    case .closure: Self.closureText
    case .removeMarked: Self.removeMarkedText
    case .join: Self.joinText
    case .roll: Self.rollText
    case .pruneEdges: Self.pruneEdgesText
    case .tellOnce: Self.tellOnceText
    }
  }

  /// Teaches Redis all of them and returns the names it gives them.
  static func load(_ connection: RedisConnection) async throws(RedisError) -> [RedisScript: String] {
    let commands = allCases.map { RedisCommand("SCRIPT", "LOAD", .text($0.text)) }
    let replies = try await connection.send(commands, deadline: .seconds(1))
    var names: [RedisScript: String] = [:]
    for (script, reply) in zip(allCases, replies) {
      if case .error(let error) = reply { throw .server(error) }
      names[script] = reply.text
    }
    return names
  }

  private static let guardEpoch = """
    local seq = redis.call('GET', KEYS[1])
    if not seq or redis.call('GET', KEYS[2]) ~= ARGV[1] then
      return redis.error_reply('EPOCH the data set is another one')
    end

    """

  /// KEYS seq epoch data…; ARGV epoch channel message edges-prefix expected-seq expected-mark, then for each value
  /// name before after px expires n dependency…. A set has no expected sequence. Answers {1, seq}; for a fill also
  /// {0, seq} when the key holds another write and {-1, seq} when there are newer invalidations.
  private static let writeText =
    guardEpoch + """
      if ARGV[5] ~= '' then
        if seq ~= ARGV[5] then return {-1, seq} end
        local mark = redis.call('GETRANGE', KEYS[3], 24, 31)
        if mark ~= '' and mark ~= ARGV[6] then return {0, seq} end
      end
      local stamp = struct.pack('<I8', tonumber(seq))
      local a = 7
      for k = 3, #KEYS do
        redis.call('SET', KEYS[k], ARGV[a + 1] .. stamp .. stamp .. ARGV[a + 2], 'PX', ARGV[a + 3])
        local n = tonumber(ARGV[a + 5])
        for d = 1, n do
          redis.call('ZADD', ARGV[4] .. ARGV[a + 5 + d], 'GT', ARGV[a + 4], ARGV[a])
        end
        a = a + 6 + n
      end
      redis.call('PUBLISH', ARGV[2], ARGV[3])
      return {1, seq}
      """

  /// KEYS seq epoch log; ARGV epoch channel id maxlen rule. Answers {0, seq, 1, 0}.
  private static let commitRuleText =
    guardEpoch + """
      local s = redis.call('INCR', KEYS[1])
      redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], string.format('%.0f-0', s), 'i', ARGV[3], 'r', ARGV[5])
      redis.call('PUBLISH', ARGV[2], string.format('I %.0f ', s) .. ARGV[3] .. ' ' .. ARGV[5])
      return {0, s, 1, 0}
      """

  /// The closure over the dependency sets, breadth first; `seen` ends cycles, `limit` ends everything else.
  private static let walk = """
    local list, seen, over = {}, {}, 0
    for k = first, #ARGV do
      if not seen[ARGV[k]] then seen[ARGV[k]] = true; list[#list + 1] = ARGV[k] end
    end
    local i = 1
    while cascade and i <= #list do
      if #list > limit then over = 1; break end
      for _, m in ipairs(redis.call('ZRANGE', edges .. list[i], 0, -1)) do
        if not seen[m] then seen[m] = true; list[#list + 1] = m end
      end
      i = i + 1
    end

    """

  /// KEYS seq epoch log; ARGV epoch channel id maxlen namespace edges-prefix data-prefix limit cascade key….
  /// Answers {removed, last seq, log lines, overflow, key…}. The log itself needs no key names: a node that reads it
  /// has just emptied its first level. The messages carry them, 500 at a time.
  private static let commitKeysText =
    guardEpoch + """
      local edges, limit, cascade, first = ARGV[6], tonumber(ARGV[8]), ARGV[9] == '1', 10

      """ + walk + """
      local scope = #ARGV[5] .. ':' .. ARGV[5]
      local function say(logged, told)
        local s = redis.call('INCR', KEYS[1])
        redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], string.format('%.0f-0', s), 'i', ARGV[3], 'r', logged)
        redis.call('PUBLISH', ARGV[2], string.format('I %.0f ', s) .. ARGV[3] .. ' ' .. told)
        return s
      end
      local removed, last, lines = 0, 0, 0
      if over == 1 then
        local rule = '1:P' .. scope .. '1:*'
        return {0, say(rule, rule), 1, 1}
      end
      for from = 1, #list, 500 do
        local to = math.min(from + 499, #list)
        local data, graph, told = {}, {}, {'1:K', scope}
        for k = from, to do
          data[#data + 1] = ARGV[7] .. list[k]
          graph[#graph + 1] = edges .. list[k]
          told[#told + 1] = #list[k] .. ':' .. list[k]
        end
        removed = removed + redis.call('UNLINK', unpack(data))
        if cascade then redis.call('UNLINK', unpack(graph)) end
        last = say('1:K' .. scope, table.concat(told))
        lines = lines + 1
      end
      local answer = {removed, last, lines, 0}
      for k = 1, #list do answer[4 + k] = list[k] end
      return answer
      """

  /// ARGV edges-prefix limit key…: the closure alone.
  private static let closureText = """
    local edges, limit, cascade, first = ARGV[1], tonumber(ARGV[2]), true, 3

    """ + walk + "return list"

  /// KEYS data…; ARGV mark…: removes what is still the same write.
  private static let removeMarkedText = """
    local removed = 0
    for k = 1, #KEYS do
      if redis.call('GETRANGE', KEYS[k], 24, 31) == ARGV[k] then removed = removed + redis.call('UNLINK', KEYS[k]) end
    end
    return removed
    """

  /// KEYS seq epoch log; ARGV new-epoch. Joins the data set, or makes a new one where there is none.
  private static let joinText = """
    local seq, epoch = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
    if not seq or not epoch then
      redis.call('UNLINK', KEYS[3])
      redis.call('SET', KEYS[1], '1')
      redis.call('SET', KEYS[2], ARGV[1])
      return {ARGV[1], '1'}
    end
    return {epoch, seq}
    """

  /// KEYS seq epoch log; ARGV old-epoch new-epoch least-seq channel. A history that lost its end becomes a new data
  /// set, in which no old value is valid; every node is told to join it.
  private static let rollText = """
    if redis.call('GET', KEYS[2]) == ARGV[1] then
      local seq = math.max(tonumber(redis.call('GET', KEYS[1]) or '1'), tonumber(ARGV[3])) + 1
      redis.call('SET', KEYS[1], string.format('%.0f', seq))
      redis.call('SET', KEYS[2], ARGV[2])
      redis.call('UNLINK', KEYS[3])
      redis.call('PUBLISH', ARGV[4], 'E')
    end
    return 1
    """

  /// ARGV edges-prefix now limit set-key…: removes edges to expired entries that lead to no living one. Walking on from
  /// each expired dependent finds out; a walk that reaches `limit` keeps its edge.
  private static let pruneEdgesText = """
    local now, limit, removed = tonumber(ARGV[2]), tonumber(ARGV[3]), 0
    for s = 4, #ARGV do
      for _, m in ipairs(redis.call('ZRANGEBYSCORE', ARGV[s], '-inf', now, 'LIMIT', 0, 100)) do
        local scope = string.match(ARGV[s], '^' .. '(%d+:[a-z0-9-]+:)', #ARGV[1] + 1)
        local list, seen, alive, i = {m}, {[m] = true}, false, 1
        while scope and i <= #list and not alive do
          local set = ARGV[1] .. scope .. list[i]
          if #list > limit or redis.call('ZCOUNT', set, '(' .. ARGV[2], '+inf') > 0 then alive = true; break end
          for _, n in ipairs(redis.call('ZRANGE', set, 0, -1)) do
            if not seen[n] then seen[n] = true; list[#list + 1] = n end
          end
          i = i + 1
        end
        if scope and not alive then removed = removed + redis.call('ZREM', ARGV[s], m) end
      end
    end
    return removed
    """

  /// KEYS told; ARGV from to limit px. Answers 1 when the step from one state to the other is news: the state has not
  /// been told of lately, or what it leads away from was told of after it.
  private static let tellOnceText = """
    local from, to = nil, nil
    for i, state in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
      if state == ARGV[1] and not from then from = i end
      if state == ARGV[2] and not to then to = i end
    end
    if to and not (from and from < to) then return 0 end
    redis.call('LPUSH', KEYS[1], ARGV[2])
    redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[3]) - 1)
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    return 1
    """
}
