// Calls the code tools of LibreChat's agents as its graph does; prints what the model and LibreChat get.
import { readFileSync } from "node:fs";
import * as agents from "@librechat/agents";

const calls = JSON.parse(readFileSync(0, "utf8"));
const headers = { "X-API-Key": process.env.LIBRECHAT_CODE_API_KEY };
const tools = {
    execute_code: agents.createCodeExecutionTool({ authHeaders: headers }),
    bash_tool: agents.createBashExecutionTool?.({ authHeaders: headers }),
};

const replies = [];
let files = [];
for (const { tool, args, carry } of calls) {
    const call = { id: "1", name: tool, type: "tool_call", args };
    if (carry) call._injected_files = files;
    try {
        const message = await tools[tool].invoke(call);
        files = (message.artifact.files ?? []).map((file) => ({
            resource_id: "user-1", kind: "user", ...file,
        }));
        replies.push({ content: message.content, artifact: message.artifact });
    } catch (error) {
        replies.push({ error: error.message });
    }
}
process.stdout.write(JSON.stringify(replies));
