using System;

class Program {
    static void Main() {
        Console.WriteLine("Größe 日本");
        Console.WriteLine(Console.ReadLine());
    }
}
