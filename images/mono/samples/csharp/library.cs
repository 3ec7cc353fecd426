using System;
using System.Linq;
using System.Numerics;

class Program
{
    static void Main()
    {
        var numbers = new[] { 6, 7 }.Select(number => new BigInteger(number));
        Console.WriteLine(numbers.Aggregate((a, b) => a * b));
    }
}
