using System;

class Program {
    static void Main() {
        Console.Write("name? ");
        Console.WriteLine("Hello, " + Console.ReadLine() + "!");
    }
}
