-- Writes the bodies of requests from a record with an alarm: of a scored record, or of a window in any of its maps.

local function text_of(value)
    local text = tostring(value):gsub('[%c"\\]', function(c) return string.format("\\u%04x", c:byte()) end)
    return '"' .. text .. '"'
end

-- The map with the alarm: the record itself, or one named `...anomaly_window`.
local function alarm_in(record)
    if record.alarm ~= nil then return record end
    for name, value in pairs(record) do
        if name:sub(-14) == "anomaly_window" and type(value) == "table" and value.alarm ~= nil then return value end
    end
end

-- `service=pay, host=a` of a window, else the metric alone.
local function series_of(found, record)
    local names = {}
    for name, value in pairs(found.by or { service = record.service }) do
        names[#names + 1] = name .. "=" .. tostring(value)
    end
    table.sort(names)
    local metric = found.series or (record.metric_outlier or "value"):gsub("^changefinder%.outlier%.", "")
    return metric .. " {" .. table.concat(names, ", ") .. "}"
end

function alarms(tag, timestamp, record)
    local found = alarm_in(record)
    if found == nil then return -1, timestamp, record end
    local series, reason = series_of(found, record), found.anomaly_reason or {}
    local begins = found.alarm == "start"
    local text = series .. (begins and ": anomaly" or ": as usual again")
    if reason.observed ~= nil then
        text = text .. string.format(" (%s: %.4g, expected %.4g)", reason.kind, reason.observed, reason.expected)
    end
    local seconds = type(timestamp) == "table" and timestamp.sec or math.floor(timestamp)
    local out = { headers = { ["Content-Type"] = "application/json" } }
    out.slack = '{"text":' .. text_of((begins and ":rotating_light: " or ":white_check_mark: ") .. text) .. "}"
    -- one incident a series: the end resolves what the start triggered
    out.pagerduty = '{"routing_key":' .. text_of(os.getenv("PAGERDUTY_KEY") or "") .. ',"event_action":"'
        .. (begins and "trigger" or "resolve") .. '","dedup_key":' .. text_of(series) .. ',"payload":{"summary":' .. text_of(text)
        .. ',"source":"fluent-anomaly","severity":"warning"}}'
    out.webhook = '{"series":' .. text_of(series) .. ',"alarm":"' .. found.alarm .. '","text":' .. text_of(text) .. ',"time":'
        .. seconds .. "}"
    return 1, timestamp, out
end
