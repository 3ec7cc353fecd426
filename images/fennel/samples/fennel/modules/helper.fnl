(fn greeting [] "Hello, module!")

{: greeting}
