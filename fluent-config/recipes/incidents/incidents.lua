-- Writes the bodies of requests from a record that tells of an incident, or of a member of a group: its own, a silent one's, a window's.

local function text_of(value)
    local text = tostring(value):gsub('[%c"\\]', function(c) return string.format("\\u%04x", c:byte()) end)
    return '"' .. text .. '"'
end

-- `key` joins what belongs together; `state` is begins, grows or ends.
local function request(key, state, text, seconds)
    local ends = state == "ends"
    return {
        headers = { ["Content-Type"] = "application/json" },
        slack = '{"text":' .. text_of((ends and ":white_check_mark: " or ":rotating_light: ") .. text) .. "}",
        pagerduty = '{"routing_key":' .. text_of(os.getenv("PAGERDUTY_KEY") or "") .. ',"event_action":"' .. (ends and "resolve" or "trigger")
            .. '","dedup_key":' .. text_of(key) .. ',"payload":{"summary":' .. text_of(text) .. ',"source":"fluent-anomaly","severity":"warning"}}',
        webhook = '{"key":' .. text_of(key) .. ',"state":"' .. state .. '","text":' .. text_of(text) .. ',"time":' .. seconds .. "}",
    }
end

-- `host:web-9` of the fields that name a series
local function series_of(by)
    local names = {}
    for name, value in pairs(by) do names[#names + 1] = name .. ":" .. tostring(value) end
    table.sort(names)
    return table.concat(names, ",")
end

local function member(found, series, seconds)
    if type(found) ~= "table" or found.transition == nil then return nil end
    local ends = found.status ~= "ALERT"
    local text = series .. (ends and " is as its group " or " is apart from its group ") .. found.group .. " (" .. found.transition .. ")"
    return request(found.group .. " " .. series, ends and "ends" or "begins", text, seconds)
end

function incidents(tag, timestamp, record)
    local seconds = type(timestamp) == "table" and timestamp.sec or math.floor(timestamp)
    local out = {}
    local told = record.incident
    if type(told) == "table" and told.event ~= nil then
        local states = { start = "begins", update = "grows", ["end"] = "ends" }
        local text = string.format("incident %s %s: %d series, first %s, the largest %.1f usual deviations away", told.id,
            states[told.event], told.series, told.first, told.size)
        out[#out + 1] = request(told.id, states[told.event], text, seconds)
    end
    for name, value in pairs(record) do
        if name:sub(-13) == "anomaly_group" then
            out[#out + 1] = member(value, series_of({ host = record.host }), seconds)
        elseif name:sub(-20) == "anomaly_group_silent" then
            out[#out + 1] = member(value, value.series, seconds)
        elseif name:sub(-14) == "anomaly_window" then
            for inner, found in pairs(value) do
                if inner:sub(-13) == "anomaly_group" then out[#out + 1] = member(found, series_of(value.by or {}), seconds) end
            end
        end
    end
    if #out == 0 then return -1, timestamp, record end
    return 1, timestamp, out
end
