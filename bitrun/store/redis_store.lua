-- The methods of a store; see redis_store.py for the keys.

local prefix = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
local EVICTED_AT_ONCE = 32

local FIELDS = {
  'kind', 'key', 'owner', 'content', 'expires', 'created', 'queue', 'attempt', 'lease',
}

local function row_key(name) return prefix .. 'r:' .. name end
local function owner_key(kind, owner) return prefix .. 'o:' .. kind .. ':' .. owner end
local function queue_key(queue) return prefix .. 'q:' .. queue end

local function values(name, ...) return redis.call('HMGET', row_key(name), ...) end

local function is_taken(name)
  return tonumber(values(name, 'taken_until')[1] or '0') > now
end

-- A record as the caller reads it.
local function read(name)
  local row = redis.call('HMGET', row_key(name), unpack(FIELDS))
  row[#row + 1] = is_taken(name) and '1' or '0'
  return row
end

local function resize(owner, by)
  if redis.call('HINCRBY', prefix .. 'sizes', owner, by) <= 0 then
    redis.call('HDEL', prefix .. 'sizes', owner)
  end
end

local function remove(name)
  local kind, key, owner, charge = unpack(values(name, 'kind', 'key', 'owner', 'charge'))
  if kind then
    redis.call('ZREM', owner_key(kind, owner), key)
    resize(owner, -charge)
  end
  redis.call('ZREM', prefix .. 'expiry', name)
  redis.call('DEL', row_key(name))
end

local function remove_expired()
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'expiry', '-inf', now)) do
    remove(name)
  end
end

-- The name of an owner's record of this key, if there is one.
local function find(kind, owner, key)
  local name = kind .. ':' .. key
  local found, queue, expires = unpack(values(name, 'owner', 'queue', 'expires'))
  if found ~= owner or (queue == '' and tonumber(expires) <= now) then return nil end
  return name, queue
end

-- The name of a record whose lease is still the caller's.
local function held(kind, key, queue, lease)
  local name = kind .. ':' .. key
  local its_queue, its_lease, taken_until = unpack(values(name, 'queue', 'lease', 'taken_until'))
  if its_queue == queue and its_lease == lease and tonumber(taken_until) > 0 then return name end
end

local function write(name, content, charge)
  local owner, before = unpack(values(name, 'owner', 'charge'))
  resize(owner, charge - before)
  redis.call('HSET', row_key(name), 'content', content, 'charge', charge)
end

local function sizes()
  local found, total = redis.call('HGETALL', prefix .. 'sizes'), 0
  local by_owner, largest = {}, nil
  for index = 1, #found, 2 do
    local bytes = tonumber(found[index + 1])
    by_owner[found[index]], total = bytes, total + bytes
    if not largest or bytes > by_owner[largest] then largest = found[index] end
  end
  return by_owner, total, largest
end

-- Remove the oldest records that are in no queue; false without any.
local function evict(kind, owner)
  local removed = 0
  for _, key in ipairs(redis.call('ZRANGE', owner_key(kind, owner), 0, -1)) do
    local name = kind .. ':' .. key
    if values(name, 'queue')[1] == '' then
      remove(name)
      removed = removed + 1
      if removed == EVICTED_AT_ONCE then break end
    end
  end
  return removed > 0
end

local function count_queue(queue, owner)
  local waiting, taken, of_owner = 0, 0, 0
  for _, name in ipairs(redis.call('ZRANGE', queue_key(queue), 0, -1)) do
    if is_taken(name) then
      taken = taken + 1
    else
      waiting = waiting + 1
      if values(name, 'owner')[1] == owner then of_owner = of_owner + 1 end
    end
  end
  return waiting, taken, of_owner
end

local methods = {}

function methods.add(kind, owner, queue, may_evict, total, of_owner, in_queue, of_owner_in_queue, ...)
  local new, added = { ... }, 0
  for index = 3, #new, 5 do added = added + new[index] end
  if queue ~= '' then
    local waiting, _, own = count_queue(queue, owner)
    local count = #new / 5
    if waiting + count > tonumber(in_queue) or own + count > tonumber(of_owner_in_queue) then
      return 'queue'
    end
  end
  remove_expired()
  local by_owner, all, largest = sizes()
  while may_evict == '1' do
    local from
    if (by_owner[owner] or 0) + added > tonumber(of_owner) then
      from = owner
    elseif all + added > tonumber(total) then
      from = largest
    end
    if not from or not evict(kind, from) then break end
    by_owner, all, largest = sizes()
  end
  if (by_owner[owner] or 0) + added > tonumber(of_owner) then return 'owner' end
  if all + added > tonumber(total) then return 'total' end
  for index = 1, #new, 5 do
    local key, content, charge, created, expires = unpack(new, index, index + 4)
    local name, number = kind .. ':' .. key, redis.call('INCR', prefix .. 'number')
    redis.call('HSET', row_key(name), 'kind', kind, 'key', key, 'owner', owner,
      'content', content, 'charge', charge, 'created', created, 'expires', expires,
      'queue', queue, 'taken_until', 0, 'attempt', 0, 'lease', 0, 'number', number)
    redis.call('ZADD', owner_key(kind, owner), number, key)
    resize(owner, charge)
    if queue == '' then
      redis.call('ZADD', prefix .. 'expiry', expires, name)
    else
      redis.call('ZADD', queue_key(queue), number, name)
    end
  end
  return 'ok'
end

function methods.get(kind, owner, key)
  local name = find(kind, owner, key)
  return name and read(name)
end

function methods.queue_of(kind, owner, key)
  local _, queue = find(kind, owner, key)
  return queue
end

function methods.replace(kind, owner, key, content, charge)
  local name, queue = find(kind, owner, key)
  if queue ~= '' then return 0 end
  write(name, content, charge)
  return 1
end

function methods.delete(kind, owner, key)
  local name, queue = find(kind, owner, key)
  if queue ~= '' then return 0 end
  remove(name)
  return 1
end

function methods.newest(kind, owner, skip, count)
  remove_expired()
  return redis.call('ZREVRANGE', owner_key(kind, owner), skip, skip + count - 1)
end

function methods.count(kind, owner)
  remove_expired()
  return redis.call('ZCARD', owner_key(kind, owner))
end

function methods.take(queue, seconds)
  local taken, waiting = {}, {}
  for _, name in ipairs(redis.call('ZRANGE', queue_key(queue), 0, -1)) do
    local owner = values(name, 'owner')[1]
    if is_taken(name) then
      taken[owner] = (taken[owner] or 0) + 1
    else
      waiting[#waiting + 1] = { name, owner }
    end
  end
  local best, fewest
  for _, each in ipairs(waiting) do
    local others = taken[each[2]] or 0
    if not best or others < fewest then best, fewest = each[1], others end
  end
  if not best then return nil end
  redis.call('HSET', row_key(best), 'taken_until', now + seconds)
  redis.call('HINCRBY', row_key(best), 'attempt', 1)
  redis.call('HINCRBY', row_key(best), 'lease', 1)
  return read(best)
end

function methods.renew(kind, key, queue, lease, seconds)
  local name = held(kind, key, queue, lease)
  if name then redis.call('HSET', row_key(name), 'taken_until', now + seconds) end
end

function methods.finish(kind, key, queue, lease, content, charge, expires, next_queue)
  local name = held(kind, key, queue, lease)
  if not name then return 0 end
  write(name, content, charge)
  redis.call('HSET', row_key(name), 'expires', expires, 'queue', next_queue,
    'taken_until', 0, 'attempt', 0)
  redis.call('ZREM', queue_key(queue), name)
  if next_queue == '' then
    redis.call('ZADD', prefix .. 'expiry', expires, name)
  else
    redis.call('ZADD', queue_key(next_queue), values(name, 'number')[1], name)
  end
  return 1
end

function methods.release(kind, key, queue, lease, uncounted)
  local name = held(kind, key, queue, lease)
  if not name then return end
  redis.call('HSET', row_key(name), 'taken_until', 0)
  redis.call('HINCRBY', row_key(name), 'attempt', uncounted == '1' and -1 or 0)
end

function methods.length(queue)
  local waiting, taken = count_queue(queue, '')
  return { waiting, taken }
end

function methods.remove_expired() remove_expired() end

local arguments = { unpack(ARGV, 2) }
return methods[ARGV[1]](unpack(arguments))
