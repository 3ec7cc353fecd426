class Broken extends RuntimeException {}

public class Main {
    public static void main(String[] args) {
        throw new Broken();
    }
}
