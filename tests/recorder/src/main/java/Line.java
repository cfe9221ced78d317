import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** The network between one member and the broker. While it is cut nothing passes, and nobody is told: what was sent arrives when it is mended. */
final class Line {
    /** The broker's listener for line k is at this port plus k, and says that it is at the other. */
    private static final int BROKER = 19100, MEMBER = 20100;

    private final ServerSocket server;
    private final int brokerPort;
    private boolean cut;

    Line(int number) throws IOException {
        brokerPort = BROKER + number;
        server = new ServerSocket(MEMBER + number, 50, InetAddress.getLoopbackAddress());
        daemon(this::accept);
    }

    String address() {
        return "127.0.0.1:" + server.getLocalPort();
    }

    synchronized void set(boolean isCut) {
        cut = isCut;
        notifyAll();
    }

    void close() throws IOException {
        set(false);
        server.close();
    }

    private void accept() {
        try {
            while (true) {
                Socket member = server.accept();
                Socket broker = new Socket(InetAddress.getLoopbackAddress(), brokerPort);
                member.setTcpNoDelay(true);
                broker.setTcpNoDelay(true);
                daemon(() -> pass(member, broker));
                daemon(() -> pass(broker, member));
            }
        } catch (IOException e) {
            // The line is closed.
        }
    }

    private void pass(Socket from, Socket to) {
        byte[] buffer = new byte[1 << 16];
        try (from; to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                awaitMended();
                out.write(buffer, 0, read);
            }
            awaitMended();
        } catch (IOException | InterruptedException e) {
            // One of both has gone: so does the other.
        }
    }

    private synchronized void awaitMended() throws InterruptedException {
        while (cut) wait();
    }

    private static void daemon(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        thread.start();
    }
}
