-- Alerts from scores: the Norikra step of the Datadog Anomaly Detector, in Fluent Bit's `lua` filter.
-- Read by datadog-chain.yaml and datadog-chain.conf, which copy each scored record to the tag alert.<tag>.
--
-- Of the records of one minute, those that meet the condition of their metric become one record. The minute is that of
-- the record's own `time`, not of its arrival, and each metric has its own. It is closed by the metric's first record of
-- a later minute. A record that comes later than that counts in the minute that is open, as in Esper's ext_timed_batch.

-- One condition for each metric, over the fields of a scored record. `record.score_change` and `record.score_outlier` are
-- nil while a model warms up; `above` and `below` take nil for "no".
local function above(value, bound) return value ~= nil and value > bound end
local function below(value, bound) return value ~= nil and value < bound end

local conditions = {
    ["system.cpu.idle"] = function(record) return above(record.score_change, 15.0) end,
    ["system.load.1"] = function(record) return above(record.score_change, 15.0) end,
    ["system.disk.free"] = function(record) return below(record.raw_value, 1000000000) end,
}

local WINDOW = 60    -- seconds
local MARGIN = 1800  -- seconds before and behind an alert, for a graph of it

-- of each metric: the minute that is open, and what it holds
local open = {}

local function larger(a, b)
    if a == nil or (b ~= nil and b > a) then return b end
    return a
end

local function clock(seconds)
    return os.date("!%Y-%m-%d %H:%M UTC", seconds)
end

local function alert_of(metric, window)
    return {
        metric = metric,
        min_time = clock(window.first),
        max_time = clock(window.last),
        start_ts = window.first - MARGIN,
        end_ts = window.last + MARGIN,
        raw = window.raw,
        change = window.change,
        outlier = window.outlier,
    }
end

-- Swallows the record (-1); where it closes a minute that holds something, an alert takes its place (1).
function alerts(tag, timestamp, record)
    local metric, time = record.metric, record.time
    local condition = conditions[metric]
    if condition == nil or type(time) ~= "number" then
        return -1, timestamp, record
    end
    local window, alert, at = open[metric], nil, timestamp
    if window ~= nil and time >= window.ends then
        alert, at = alert_of(metric, window), window.last
        window, open[metric] = nil, nil
    end
    if condition(record) then
        if window == nil then
            window = { ends = math.floor(time / WINDOW) * WINDOW + WINDOW, first = time, last = time }
            open[metric] = window
        end
        window.first = math.min(window.first, time)
        window.last = math.max(window.last, time)
        window.raw = larger(window.raw, record.raw_value)
        window.change = larger(window.change, record.score_change)
        window.outlier = larger(window.outlier, record.score_outlier)
    end
    if alert ~= nil then
        return 1, at, alert
    end
    return -1, timestamp, record
end
