using System;

class Program
{
    static void Main()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        Console.WriteLine(Environment.UserName + " " + home);
    }
}
