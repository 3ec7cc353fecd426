// Calls the code tools of LibreChat's agents as its graph does; prints what the model and LibreChat get.
import { readFileSync } from "node:fs";
import * as agents from "@librechat/agents";

const authHeaders = { "X-API-Key": process.env.KEY };
const tools = {
    execute_code: agents.createCodeExecutionTool({ authHeaders }),
    bash_tool: agents.createBashExecutionTool({ authHeaders }),
    run_tools_with_code: agents.createProgrammaticToolCallingTool({ authHeaders }),
};

// Tools of the agent, which programs may call.
const weather = {
    name: "get-weather",
    description: "The temperature in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const toolMap = new Map([
    [weather.name, { invoke: async ({ city }) => {
        if (city === "Nowhere") throw new Error("no such city");
        return { city, degrees: city.length };
    } }],
]);

const replies = [];
let files = [];
for (const { tool, args, carry } of JSON.parse(readFileSync(0, "utf8"))) {
    const call = { id: "1", name: tool, type: "tool_call", args, toolMap, toolDefs: [weather] };
    if (carry) call._injected_files = files;
    try {
        const { content, artifact } = await tools[tool].invoke(call);
        files = (artifact.files ?? []).map((file) => ({ resource_id: "u", kind: "user", ...file }));
        replies.push({ content, artifact });
    } catch (error) {
        replies.push({ error: error.message });
    }
}
process.stdout.write(JSON.stringify(replies));
