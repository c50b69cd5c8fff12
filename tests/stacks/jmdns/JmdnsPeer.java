import java.io.IOException;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.Map;
import javax.jmdns.JmDNS;
import javax.jmdns.ServiceEvent;
import javax.jmdns.ServiceInfo;
import javax.jmdns.ServiceListener;

/**
 * Announces one service or browses with jmdns until it is told to end.
 *
 * <p>announce INSTANCE HOST PORT ADDRESS | browse ADDRESS; both of _ipp._tcp.
 */
public final class JmdnsPeer {
    private static final String KIND = "_ipp._tcp.local.";

    private static final class Listener implements ServiceListener {
        @Override
        public void serviceAdded(ServiceEvent event) {
            event.getDNS().requestServiceInfo(event.getType(), event.getName());
        }

        @Override
        public void serviceResolved(ServiceEvent event) {
            ServiceInfo info = event.getInfo();
            String addresses = Arrays.toString(info.getInet4Addresses());
            System.out.println("found " + info.getQualifiedName() + " " + addresses + " " + info.getPort());
        }

        @Override
        public void serviceRemoved(ServiceEvent event) {
            System.out.println("lost " + event.getName());
        }
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        boolean announces = arguments[0].equals("announce");
        InetAddress address = InetAddress.getByName(arguments[announces ? 4 : 1]);
        JmDNS jmdns = JmDNS.create(address, announces ? arguments[2] : "jmdns-browser");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(jmdns)));
        if (announces) {
            String instance = arguments[1];
            int port = Integer.parseInt(arguments[3]);
            ServiceInfo info =
                ServiceInfo.create(KIND, instance, port, 0, 0, Map.of("id", address.getHostAddress()));
            jmdns.registerService(info);
            System.out.println("announced " + info.getName());
        } else {
            jmdns.addServiceListener(KIND, new Listener());
        }
        Thread.currentThread().join();
    }

    private static void close(JmDNS jmdns) {
        try {
            jmdns.unregisterAllServices();
            jmdns.close();
        } catch (IOException e) {
            System.err.println(e);
        }
    }
}
