say get;
