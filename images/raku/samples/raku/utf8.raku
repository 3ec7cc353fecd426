say "Größe 日本";
say get;
