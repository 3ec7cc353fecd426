import java.util.Scanner;

public class Main {
    public static void main(String[] arguments) {
        System.out.print("name? ");
        System.out.println("Hello, " + new Scanner(System.in).nextLine() + "!");
    }
}
