using System;
using System.IO;
using System.Net;
using System.Net.Sockets;

class Program
{
    static void Main()
    {
        var server = new TcpListener(Dns.GetHostAddresses("localhost")[0], 8080);
        server.Start();
        var client = new TcpClient("localhost", 8080);
        using (var writer = new StreamWriter(server.AcceptTcpClient().GetStream()))
            writer.WriteLine("Hello, localhost!");
        Console.WriteLine(new StreamReader(client.GetStream()).ReadLine());
    }
}
