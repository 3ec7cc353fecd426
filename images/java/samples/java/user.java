public class Main {
    public static void main(String[] arguments) {
        System.out.println(System.getProperty("user.name") + " " + System.getProperty("user.home"));
    }
}
